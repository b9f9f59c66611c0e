"""Tools that price asks without doing them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastmcp import Context
from fastmcp.tools.base import ToolResult

from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.asking import asked, known_inputs, refine_asked
from imagewright.api.mcp.batching import batch_priced
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.face import Face, face_of
from imagewright.api.mcp.render import QuoteView, quote_result
from imagewright.api.mcp.render_batch import quotes_result
from imagewright.api.mcp.shapes import QuoteShape
from imagewright.core.ask import AUTO, Action, Ask, Quality
from imagewright.core.errors import InvalidRequest
from imagewright.core.plan import Plan
from imagewright.core.quote import Quote
from imagewright.core.scope import Scope
from imagewright.services.accounts import payees


async def estimate_cost(  # the signature is the schema
    ctx: Context,
    prompt: a.Worded = None,
    images: a.Owned = None,
    image: a.Refined = None,
    items: a.Priced = None,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = None,
    size: a.Size = AUTO,
    aspect_ratio: a.Ratio = None,
    quality: a.QualityLevel = Quality.AUTO,
    output_format: a.OutputFormat = None,
    template: a.Template = None,
    partial_images: a.Partials = None,
) -> ToolResult:
    """What an ask, or a batch of items, would cost at most. Does nothing."""
    arguments = {name: value for name, value in locals().items() if name not in {"ctx", "items"}}
    face, caller = face_of(ctx), face_of(ctx).caller()
    if items is None:
        one = face.images.estimate(caller, await _asked(ctx, arguments))
        return quote_result(one, await _view(face, one.quote, (one.plan, one.quote)))
    if any(value not in {None, AUTO} for value in map(_plain, arguments.values())):
        raise InvalidRequest(
            "Give items, or the arguments of one ask.", hint="Put them into each item."
        )
    whole = face.batches.estimate(caller, await batch_priced(ctx, items))
    parts = [(part.plan, part.quote) for part in whole.parts]
    return quotes_result(whole, await _view(face, whole.quote, *parts))


async def _view(face: Face, quote: Quote, *parts: tuple[Plan, Quote]) -> QuoteView:
    """How what is priced may be consented to, and what is left for it where it costs."""
    caller = face.caller()
    view = QuoteView(consents=face.gate.ways(caller, *parts))
    if not quote.ceiling:
        return view
    providers = {name for plan, each in parts if each.ceiling for name in payees(plan)}
    return replace(
        view,
        open_quote=await face.gate.offered(caller, quote),
        left=await face.usage.tightest(caller, providers),
    )


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


async def _asked(ctx: Context, arguments: Mapping[str, Any]) -> Ask:
    """The one ask that is priced. Raises InvalidRequest, and what its inputs raise."""
    if arguments["prompt"] is None:
        raise InvalidRequest("There is no prompt.", hint="Give a prompt, or items.")
    if arguments["image"] is None:
        inputs = await known_inputs(ctx, arguments["images"] or [], None)
        action = Action.EDIT if inputs.references else Action.GENERATE
        return asked(action, arguments, inputs)
    if arguments["images"]:
        raise InvalidRequest(
            "Give images or image.", hint="images prices an edit, image a refinement."
        )
    return await refine_asked(ctx, arguments)


TOOLS = (
    ToolSpec(
        call=estimate_cost,
        scope=Scope.IMAGES_READ,
        title="Estimate the cost",
        answer=QuoteShape,
    ),
)
