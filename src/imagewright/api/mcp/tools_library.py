"""Tools on the images a subject has."""

from datetime import UTC, datetime

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from fastmcp.utilities.types import Image as Inline
from mcp.types import TextContent

from imagewright.api.job_view import image_shape
from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.asking import own_image
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.face import Face, face_of, origin_of
from imagewright.api.mcp.render import link, short
from imagewright.api.mcp.shapes import DeletedShape, ImagesShape
from imagewright.api.shapes import ImageShape
from imagewright.core.errors import InvalidRequest
from imagewright.core.image import Image
from imagewright.core.picture import Format, Rendition
from imagewright.core.scope import Scope
from imagewright.ports.library import Search

_MICRO = 1_000_000


async def list_images(
    ctx: Context,
    text: a.Text = None,
    provider: str | None = None,
    model: str | None = None,
    origin: a.OriginKind = None,
    tag: str | None = None,
    since: a.Day = None,
    until: a.Day = None,
    limit: a.Limit = 20,
    before: a.Before = None,
) -> ToolResult:
    """Find your images, newest first."""
    face = face_of(ctx)
    subject = face.caller().subject
    page = await face.library.list(
        subject,
        Search(
            text=text,
            provider=provider,
            model=model,
            origin=origin,
            tag=tag,
            since=_moment(since),
            until=_moment(until),
            limit=limit,
            before=before,
        ),
    )
    shape: ImagesShape = {
        "images": [_shape(face, subject, image) for image in page.images],
        "total": page.total,
        "more": page.more,
    }
    lines = [f"{len(page.images)} of {page.total} images."]
    lines += [
        f"{image.id}: {image.picture.size} {image.picture.format.value}, {short(image.prompt)}"
        for image in page.images
    ]
    return ToolResult(content="\n".join(lines), structured_content=dict(shape))


async def get_image(ctx: Context, image: a.ImageId) -> ToolResult:
    """An image's metadata and lineage, with a link to the original."""
    face = face_of(ctx)
    subject = face.caller().subject
    found = await face.library.get(subject, own_image(image))
    text = f"{found.id}: {found.picture.size} {found.picture.format.value}, {short(found.prompt)}"
    return ToolResult(
        content=[TextContent(type="text", text=text), link(found)],
        structured_content=dict(_shape(face, subject, found)),
    )


async def show_image(ctx: Context, image: a.ImageId, edge: a.Edge = None) -> ToolResult:
    """Look at an image, as a small preview."""
    face = face_of(ctx)
    subject = face.caller().subject
    found = await face.library.get(subject, own_image(image))
    data = await _small(face, subject, found, edge)
    text = f"{found.id}: {found.picture.size} {found.picture.format.value}"
    return ToolResult(
        content=[
            TextContent(type="text", text=text),
            Inline(data=data, format="webp").to_image_content(),
            link(found),
        ],
        structured_content=dict(_shape(face, subject, found)),
    )


async def delete_image(ctx: Context, image: a.ImageId, derived: bool = False) -> ToolResult:
    """Delete an image for good; with `derived`, what was made from it too. Costs stay counted."""
    face = face_of(ctx)
    caller, origin = face.caller(), origin_of(ctx)
    gone = await face.library.delete(caller, own_image(image), origin, derived=derived)
    shape: DeletedShape = {"deleted": [each.id for each in gone]}
    return ToolResult(
        content=f"Deleted {', '.join(shape['deleted'])}.", structured_content=dict(shape)
    )


async def _small(face: Face, subject: str, image: Image, edge: int | None) -> bytes:
    if edge is None:
        return await face.library.preview(subject, image.id)
    for quality in (80, 50, 20):
        rendition = Rendition(width=edge, height=edge, format=Format.WEBP, quality=quality)
        made = await face.library.view(subject, image.id, rendition)
        if len(made.data) <= face.preview_bytes:
            return made.data
    return await face.library.preview(subject, image.id)


def _shape(face: Face, subject: str, image: Image) -> ImageShape:
    path = face.library.local_path(subject, image) if face.paths else None
    return image_shape(image, path, prompt=True)


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(
            "The date is not ISO 8601.", hint="Write it like 2026-11-21 or 2026-11-21T10:00:00Z."
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * _MICRO)


TOOLS = (
    ToolSpec(call=list_images, scope=Scope.IMAGES_READ, title="List images", answer=ImagesShape),
    ToolSpec(call=get_image, scope=Scope.IMAGES_READ, title="Get an image", answer=ImageShape),
    ToolSpec(call=show_image, scope=Scope.IMAGES_READ, title="Show an image", answer=ImageShape),
    ToolSpec(
        call=delete_image,
        scope=Scope.IMAGES_WRITE,
        title="Delete an image",
        answer=DeletedShape,
        read_only=False,
        destructive=True,
    ),
)
