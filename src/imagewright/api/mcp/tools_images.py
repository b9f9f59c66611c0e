"""Tools that make and edit images."""

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp.types import InputRequiredResult

from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.asking import asked, edit_asked
from imagewright.api.mcp.carry import carry
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.shapes import JobShape
from imagewright.core.ask import AUTO, Action, Background, Quality
from imagewright.core.scope import Scope


async def generate_image(  # the signature is the schema
    ctx: Context,
    prompt: a.Prompt,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = None,
    size: a.Size = AUTO,
    aspect_ratio: a.Ratio = None,
    quality: a.QualityLevel = Quality.AUTO,
    background: a.BackgroundKind = Background.AUTO,
    output_format: a.OutputFormat = None,
    output_compression: a.Compression = None,
    negative_prompt: a.NegativePrompt = None,
    template: a.Template = None,
    seed: a.Seed = None,
    moderation: a.ModerationLevel = None,
    partial_images: a.Partials = None,
    folder: a.Folder = "",
    filename: a.Filename = None,
    tags: a.Tags = None,
    variation: a.Variation = None,
    economy: a.Hours = None,
    wait: a.Wait = None,
    confirm: a.Confirm = None,
) -> ToolResult | InputRequiredResult:
    """Make images from words. Answers with previews and links, or with a job to wait for."""
    return await carry(ctx, asked(Action.GENERATE, locals()), wait, confirm)


async def edit_image(  # the signature is the schema
    ctx: Context,
    prompt: a.Prompt,
    images: a.Images,
    mask: a.Mask = None,
    strength: a.Strength = None,
    input_fidelity: a.InputFidelity = None,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = None,
    size: a.Size = AUTO,
    quality: a.QualityLevel = Quality.AUTO,
    background: a.BackgroundKind = Background.AUTO,
    output_format: a.OutputFormat = None,
    output_compression: a.Compression = None,
    negative_prompt: a.NegativePrompt = None,
    template: a.Template = None,
    seed: a.Seed = None,
    moderation: a.ModerationLevel = None,
    partial_images: a.Partials = None,
    folder: a.Folder = "",
    filename: a.Filename = None,
    tags: a.Tags = None,
    variation: a.Variation = None,
    economy: a.Hours = None,
    wait: a.Wait = None,
    confirm: a.Confirm = None,
) -> ToolResult | InputRequiredResult:
    """Edit, inpaint, restyle or combine images by words. Answers like generate_image."""
    return await carry(ctx, await edit_asked(ctx, locals()), wait, confirm)


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
)
