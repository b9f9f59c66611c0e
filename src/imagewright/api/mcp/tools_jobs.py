"""Tools that follow jobs."""

from fastmcp import Context
from fastmcp.tools.base import ToolResult

from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.carry import show, show_group, wait_for, wait_for_group
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.face import face_of, origin_of
from imagewright.api.mcp.render import jobs_result
from imagewright.api.mcp.shapes import JobsShape
from imagewright.api.shapes import JobShape
from imagewright.core.ids import Kind, is_id
from imagewright.core.scope import Scope


async def get_job(ctx: Context, job: a.JobId, wait: a.Wait = 0) -> ToolResult:
    """How far a job or group is, and its result."""
    face = face_of(ctx)
    if is_id(Kind.GROUP, job):
        await wait_for_group(ctx, face, job, wait)
        return await show_group(face, job)
    caller = face.caller()
    found = await wait_for(ctx, face, await face.jobs.get(caller.subject, job), wait)
    return await show(face, caller, found)


async def list_jobs(
    ctx: Context, open_only: bool = False, limit: a.Limit = 20, before: a.Before = None
) -> ToolResult:
    """Your jobs, newest first."""
    face = face_of(ctx)
    return jobs_result(
        await face.jobs.list(face.caller().subject, open_only=open_only, limit=limit, before=before)
    )


async def cancel_job(ctx: Context, job: a.JobId) -> ToolResult:
    """Stop a job. One that waits costs nothing; a paid one already sent may still be charged.

    Of a group what waits is stopped.
    """
    face = face_of(ctx)
    caller = face.caller()
    if is_id(Kind.GROUP, job):
        await face.batches.cancel(caller, job, origin_of(ctx))
        return await show_group(face, job)
    found = await face.jobs.cancel(caller, job, origin_of(ctx))
    found = await wait_for(ctx, face, found, 5)
    return await show(face, caller, found)


TOOLS = (
    ToolSpec(call=get_job, scope=Scope.IMAGES_READ, title="Get a job", answer=JobShape),
    ToolSpec(call=list_jobs, scope=Scope.IMAGES_READ, title="List jobs", answer=JobsShape),
    ToolSpec(
        call=cancel_job,
        scope=Scope.IMAGES_WRITE,
        title="Cancel a job",
        answer=JobShape,
        read_only=False,
        destructive=True,
    ),
)
