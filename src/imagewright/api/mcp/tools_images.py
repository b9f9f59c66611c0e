"""Tools that make and edit images, and price them."""

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp.types import InputRequiredResult

from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.carry import carry
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.face import face_of
from imagewright.api.mcp.shapes import JobShape, QuoteShape
from imagewright.core.ask import AUTO, Action, Ask, Background, Quality
from imagewright.core.errors import InvalidRequest
from imagewright.core.image import named_image
from imagewright.core.money import FREE, usd
from imagewright.core.scope import Scope


async def generate_image(  # the signature is the schema
    ctx: Context,
    prompt: a.Prompt,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = 1,
    size: a.Size = AUTO,
    aspect_ratio: a.Ratio = None,
    quality: a.QualityLevel = Quality.AUTO,
    background: a.BackgroundKind = Background.AUTO,
    output_format: a.OutputFormat = None,
    output_compression: a.Compression = None,
    negative_prompt: a.NegativePrompt = None,
    seed: a.Seed = None,
    moderation: a.ModerationLevel = None,
    partial_images: a.Partials = 0,
    folder: a.Folder = "",
    filename: a.Filename = None,
    tags: a.Tags = None,
    variation: a.Variation = None,
    wait: a.Wait = None,
    confirm: a.Confirm = None,
) -> ToolResult | InputRequiredResult:
    """Make images from words. Answers with previews and links, or with a job to wait for."""
    ask = Ask(
        prompt=prompt,
        provider=provider,
        model=model,
        n=n,
        size=size,
        aspect_ratio=aspect_ratio,
        quality=quality,
        background=background,
        output_format=output_format,
        output_compression=output_compression,
        negative_prompt=negative_prompt,
        seed=seed,
        moderation=moderation,
        partial_images=partial_images,
        folder=folder,
        filename=filename,
        tags=tuple(tags or ()),
        variation=variation,
    )
    return await carry(ctx, ask, wait, confirm)


async def edit_image(  # the signature is the schema
    ctx: Context,
    prompt: a.Prompt,
    images: a.Images,
    mask: a.Mask = None,
    strength: a.Strength = None,
    input_fidelity: a.InputFidelity = None,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = 1,
    size: a.Size = AUTO,
    quality: a.QualityLevel = Quality.AUTO,
    background: a.BackgroundKind = Background.AUTO,
    output_format: a.OutputFormat = None,
    output_compression: a.Compression = None,
    negative_prompt: a.NegativePrompt = None,
    seed: a.Seed = None,
    moderation: a.ModerationLevel = None,
    partial_images: a.Partials = 0,
    folder: a.Folder = "",
    filename: a.Filename = None,
    tags: a.Tags = None,
    variation: a.Variation = None,
    wait: a.Wait = None,
    confirm: a.Confirm = None,
) -> ToolResult | InputRequiredResult:
    """Edit, inpaint, restyle or combine images by words. Answers like generate_image."""
    face = face_of(ctx)
    subject = face.caller().subject
    references = await face.inputs.references(subject, (*images, *((mask,) if mask else ())))
    ask = Ask(
        action=Action.EDIT,
        prompt=prompt,
        references=references[: len(images)],
        mask=references[-1] if mask else None,
        strength=strength,
        input_fidelity=input_fidelity,
        provider=provider,
        model=model,
        n=n,
        size=size,
        quality=quality,
        background=background,
        output_format=output_format,
        output_compression=output_compression,
        negative_prompt=negative_prompt,
        seed=seed,
        moderation=moderation,
        partial_images=partial_images,
        folder=folder,
        filename=filename,
        tags=tuple(tags or ()),
        variation=variation,
    )
    return await carry(ctx, ask, wait, confirm)


async def estimate_cost(  # the signature is the schema
    ctx: Context,
    prompt: a.Prompt,
    images: a.Owned = None,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = 1,
    size: a.Size = AUTO,
    aspect_ratio: a.Ratio = None,
    quality: a.QualityLevel = Quality.AUTO,
    output_format: a.OutputFormat = None,
    partial_images: a.Partials = 0,
) -> ToolResult:
    """What an ask would cost at most. Does, stores and fetches nothing."""
    face = face_of(ctx)
    caller = face.caller()
    if any(named_image(image) is None for image in images or ()):
        raise InvalidRequest("An estimate takes images that you have.", hint="Name them by id.")
    references = await face.inputs.references(caller.subject, tuple(images or ()))
    ask = Ask(
        action=Action.EDIT if references else Action.GENERATE,
        prompt=prompt,
        references=references,
        provider=provider,
        model=model,
        n=n,
        size=size,
        aspect_ratio=aspect_ratio,
        quality=quality,
        output_format=output_format,
        partial_images=partial_images,
    )
    found = face.images.estimate(caller, ask)
    plan, quote = found.plan, found.quote
    shape: QuoteShape = {
        "provider": plan.provider,
        "model": plan.model,
        "n": ask.n,
        "size": quote.size,
        "quality": plan.quality.value if plan.quality else AUTO,
        "output_format": plan.output_format.value,
        "ceiling_usd": usd(quote.ceiling),
        "estimate": quote.estimate,
        "paid": quote.ceiling > FREE,
        "consent": sorted(each.value for each in face.gate.consents(caller)),
        "warnings": list(plan.warnings),
    }
    return ToolResult(
        content=f"{plan.provider} / {plan.model}: n {ask.n}, {quote.size}, "
        f"at most ${usd(quote.ceiling)}{' (estimate)' if quote.estimate else ''}.",
        structured_content=dict(shape),
    )


TOOLS = (
    ToolSpec(
        call=generate_image,
        scope=Scope.IMAGES_WRITE,
        title="Generate images",
        answer=JobShape,
        read_only=False,
        open_world=True,
    ),
    ToolSpec(
        call=edit_image,
        scope=Scope.IMAGES_WRITE,
        title="Edit images",
        answer=JobShape,
        read_only=False,
        open_world=True,
    ),
    ToolSpec(
        call=estimate_cost,
        scope=Scope.IMAGES_READ,
        title="Estimate the cost",
        answer=QuoteShape,
    ),
)
