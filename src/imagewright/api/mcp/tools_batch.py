"""Tools that do many asks at once."""

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp.types import InputRequiredResult

from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.batching import batch_asked, listed
from imagewright.api.mcp.carry import show_group, wait_for_group
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.confirm import order
from imagewright.api.mcp.face import face_of, origin_of
from imagewright.api.shapes import JobShape
from imagewright.core.scope import Scope
from imagewright.ports.books import AdmittedAll
from imagewright.services.wish import Answer


async def batch(
    ctx: Context,
    items: a.Items = None,
    prompt: a.OnePrompt = None,
    images: a.Many = None,
    wait: a.Wait = None,
    confirm: a.Confirm = None,
) -> ToolResult | InputRequiredResult:
    """Up to 100 asks in one group, with one quote. Answers with the group, for get_job."""
    face, caller = face_of(ctx), face_of(ctx).caller()
    asks = await batch_asked(ctx, listed(items, prompt, images))

    async def enter(answer: Answer | None) -> AdmittedAll:
        return await face.batches.order(caller, asks, answer, origin_of(ctx))

    admitted = await order(ctx, face, enter, confirm)
    if isinstance(admitted, InputRequiredResult):
        return admitted
    group = admitted.group.id
    await wait_for_group(ctx, face, group, wait)
    return await show_group(face, group, repeated=not admitted.fresh)


TOOLS = (
    ToolSpec(
        call=batch,
        scope=Scope.IMAGES_WRITE,
        title="Do many at once",
        answer=JobShape,
        read_only=False,
        open_world=True,
    ),
)
