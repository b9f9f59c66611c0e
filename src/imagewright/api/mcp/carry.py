"""An ask carried to its answer: admitted, waited for with progress, shown."""

import asyncio
import time

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp.types import InputRequiredResult

from imagewright.api.job_view import JobViews
from imagewright.api.mcp.confirm import order
from imagewright.api.mcp.face import Face, face_of, origin_of
from imagewright.api.mcp.render import job_result
from imagewright.api.mcp.render_batch import batch_result
from imagewright.core.ask import Ask
from imagewright.core.caller import Caller
from imagewright.core.errors import Fault
from imagewright.core.image import Image
from imagewright.core.job import Job
from imagewright.ports.board import News
from imagewright.ports.books import Admitted
from imagewright.services.batch import jobs_of
from imagewright.services.wish import Answer

_STEP = 0.001


async def carry(
    ctx: Context, ask: Ask, wait: int | None, confirm: str | None
) -> ToolResult | InputRequiredResult:
    """Admit the ask, wait for its job within bounds, and show it."""
    face = face_of(ctx)
    caller = face.caller()

    async def enter(answer: Answer | None) -> Admitted:
        return await face.images.order(caller, ask, answer, origin_of(ctx))

    admitted = await order(ctx, face, enter, confirm)
    if isinstance(admitted, InputRequiredResult):
        return admitted
    if wait is None and ask.economy is not None:
        wait = 0
    job = await wait_for(ctx, face, admitted.job, wait)
    return await show(face, caller, job, repeated=not admitted.fresh)


async def wait_for(ctx: Context, face: Face, job: Job, wait: int | None) -> Job:
    """The job once it has ended, or as it stands after the seconds; news goes on as progress."""
    seconds = face.wait if wait is None else wait
    if seconds == 0 or job.state.ended:
        return job
    return await face.jobs.wait(job.caller.subject, job.id, seconds, _Progress(ctx).tell)


async def wait_for_group(ctx: Context, face: Face, group: str, wait: int | None) -> None:
    """Wait likewise for all jobs of a group."""
    seconds = face.wait if wait is None else wait
    if seconds:
        subject = face.caller().subject
        await face.batches.wait(subject, group, seconds, _Progress(ctx).tell)


async def show_group(face: Face, group: str, *, repeated: bool = False) -> ToolResult:
    """A group as it stands. Raises NotFound."""
    caller = face.caller()
    bundle = await face.batches.get(caller.subject, group)
    left = await _views(face).left(caller, jobs_of(bundle))
    return batch_result(bundle, left, repeated=repeated)


def _views(face: Face) -> JobViews:
    return JobViews(library=face.library, usage=face.usage, paths=face.paths)


class _Progress:
    """News as progress notifications: their numbers only rise, and never past a total once told.

    Without a total the number is the seconds waited. Once steps are known, they count from there.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._began = time.monotonic()
        self._sent = 0.0
        self._base: float | None = None
        self._total = 0

    async def tell(self, news: News) -> None:
        """Send one; a client that asked for none is sent none."""
        elapsed = time.monotonic() - self._began
        value = elapsed
        if news.total and self._base is None:
            self._base = self._sent
        if news.total:
            self._total = news.total
        total = None
        if self._base is not None:
            value, total = self._base + news.done, self._base + self._total
        self._sent = max(value, self._sent + _STEP)
        if total is not None:
            total = max(total, self._sent)
        await self._ctx.report_progress(self._sent, total, f"{news.stage} ({elapsed:.0f} s)")


async def show(face: Face, caller: Caller, job: Job, *, repeated: bool = False) -> ToolResult:
    """A job with its images, links, and previews as far as they fit."""
    view = await _views(face).of(caller, job, repeated=repeated)
    if not job.state.ended:
        partial = await face.library.partial(caller.subject, job.id)
        return job_result(view, (partial,) if partial else ())
    images = tuple(image for image, _ in view.images)
    return job_result(view, await _previews(face, caller.subject, images))


async def _previews(face: Face, subject: str, images: tuple[Image, ...]) -> tuple[bytes, ...]:
    found: list[bytes] = []
    left = face.preview_bytes
    for made in await asyncio.gather(
        *(face.library.preview(subject, image.id) for image in images), return_exceptions=True
    ):
        if isinstance(made, bytes) and len(made) <= left:
            left -= len(made)
            found.append(made)
        elif isinstance(made, BaseException) and not isinstance(made, Fault):
            raise made
    return tuple(found)
