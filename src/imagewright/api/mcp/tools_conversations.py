"""Tools that refine images turn by turn."""

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp.types import InputRequiredResult

from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.asking import refine_asked
from imagewright.api.mcp.carry import carry
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.face import face_of, origin_of
from imagewright.api.mcp.render import short
from imagewright.api.mcp.shapes import ClearedShape, ConversationsShape
from imagewright.api.shapes import JobShape
from imagewright.api.times import iso
from imagewright.core.ask import AUTO, Background, Quality
from imagewright.core.scope import Scope


async def refine_image(  # the signature is the schema
    ctx: Context,
    prompt: a.Prompt,
    image: a.ImageId,
    provider: a.Provider = AUTO,
    model: a.Model = AUTO,
    n: a.Count = None,
    size: a.Size = AUTO,
    quality: a.QualityLevel = Quality.AUTO,
    background: a.BackgroundKind = Background.AUTO,
    output_format: a.OutputFormat = None,
    template: a.Template = None,
    seed: a.Seed = None,
    folder: a.Folder = "",
    filename: a.Filename = None,
    tags: a.Tags = None,
    variation: a.Variation = None,
    wait: a.Wait = None,
    confirm: a.Confirm = None,
) -> ToolResult | InputRequiredResult:
    """Go on from an image of yours by words; the prompts that led to it still count."""
    return await carry(ctx, await refine_asked(ctx, locals()), wait, confirm)


async def list_conversations(
    ctx: Context, limit: a.Limit = 20, before: a.Before = None
) -> ToolResult:
    """Your images refined from one another, newest first."""
    face = face_of(ctx)
    found = await face.conversations.list(face.caller().subject, limit=limit, before=before)
    shape: ConversationsShape = {
        "conversations": [
            {
                "conversation": each.id,
                "prompt": short(each.prompt),
                "turns": each.turns,
                "image": each.image,
                "last_at": iso(each.at),
            }
            for each in found
        ]
    }
    lines = [
        f"{each.id}: {each.turns} turns, last {each.image}, {short(each.prompt)}" for each in found
    ]
    return ToolResult(
        content="\n".join(lines) or "No conversations.", structured_content=dict(shape)
    )


async def clear_conversation(ctx: Context, conversation: a.ConversationId) -> ToolResult:
    """Forget what led to the images of a conversation; the images stay."""
    face = face_of(ctx)
    turns = await face.conversations.clear(face.caller(), conversation, origin_of(ctx))
    shape: ClearedShape = {"conversation": conversation, "turns": turns}
    return ToolResult(
        content=f"Forgot {turns} turns of {conversation}.", structured_content=dict(shape)
    )


TOOLS = (
    ToolSpec(
        call=refine_image,
        scope=Scope.IMAGES_WRITE,
        title="Refine an image",
        answer=JobShape,
        read_only=False,
        open_world=True,
    ),
    ToolSpec(
        call=list_conversations,
        scope=Scope.IMAGES_READ,
        title="List conversations",
        answer=ConversationsShape,
    ),
    ToolSpec(
        call=clear_conversation,
        scope=Scope.IMAGES_WRITE,
        title="Clear a conversation",
        answer=ClearedShape,
        read_only=False,
        destructive=True,
    ),
)
