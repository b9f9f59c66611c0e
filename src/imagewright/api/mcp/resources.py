"""Images and facts as resources."""

import json
from typing import Any

from fastmcp import Context
from fastmcp.resources import ResourceContent, ResourceResult

from imagewright.api.job_view import image_shape
from imagewright.api.mcp.component import ResourceSpec
from imagewright.api.mcp.errors import answering_resource
from imagewright.api.mcp.face import face_of
from imagewright.api.mcp.guide import advice, choices
from imagewright.api.mcp.offers import provider_shape
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.ids import Kind, is_id
from imagewright.core.picture import Format, Rendition
from imagewright.core.scope import Scope
from imagewright.ports.library import Search

_LISTED = 100


async def image_list(ctx: Context) -> ResourceResult:
    """The caller's newest images."""
    face = face_of(ctx)
    page = await face.library.list(face.caller().subject, Search(limit=_LISTED))
    images = [image_shape(image, None, prompt=True) for image in page.images]
    return _json({"images": images, "total": page.total, "more": page.more})


async def image_view(
    ctx: Context,
    id: str,
    width: str | None = None,
    height: str | None = None,
    format: str | None = None,
    quality: str | None = None,
) -> ResourceResult:
    """An image's original, or a rendition that fits inside width x height."""
    face = face_of(ctx)
    rendition = Rendition(
        width=_number("width", width),
        height=_number("height", height),
        format=_format(format),
        quality=_number("quality", quality),
    )
    caller = face.caller()
    made = await face.library.view(caller.subject, _image_id(id), rendition)
    await face.limiter.download(caller, len(made.data))
    return ResourceResult([ResourceContent(made.data, mime_type=made.picture.format.mime)])


async def image_metadata(ctx: Context, id: str) -> ResourceResult:
    """An image's facts and lineage."""
    face = face_of(ctx)
    image = await face.library.get(face.caller().subject, _image_id(id))
    return _json(dict(image_shape(image, None, prompt=True)))


async def providers(ctx: Context) -> ResourceResult:
    """The providers and models open to the caller."""
    face = face_of(ctx)
    offers, today = face.images.offers(face.caller()), face.images.today()
    return _json({"providers": [provider_shape(offer, today) for offer in offers]})


async def prompt_guide(ctx: Context) -> ResourceResult:
    """What the models open to the caller are good for, and how each wants to be asked."""
    face = face_of(ctx)
    among = choices(face.images.offers(face.caller()), face.images.today())
    return _json({"models": advice(among)})


def _json(value: dict[str, Any]) -> ResourceResult:
    text = json.dumps(value, ensure_ascii=False)
    return ResourceResult([ResourceContent(text, mime_type="application/json")])


def _image_id(text: str) -> str:
    if not is_id(Kind.IMAGE, text):
        raise NotFound("There is no such image.")
    return text


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):  # noqa: PLR2004 - fits an int
        raise InvalidRequest(f"The {name} is not a whole number.")
    return int(text)


def _format(text: str | None) -> Format | None:
    if text is None:
        return None
    try:
        return Format(text)
    except ValueError:
        names = ", ".join(each.value for each in Format)
        raise InvalidRequest("There is no such format.", hint=f"Formats are: {names}.") from None


RESOURCES = (
    ResourceSpec(
        uri="image://list",
        call=answering_resource(image_list),
        scope=Scope.IMAGES_READ,
        title="Images",
    ),
    ResourceSpec(
        uri="image://{id}/view{?width,height,format,quality}",
        call=answering_resource(image_view),
        scope=Scope.IMAGES_READ,
        title="View of an image",
        mime="image/*",
    ),
    ResourceSpec(
        uri="image://{id}/metadata",
        call=answering_resource(image_metadata),
        scope=Scope.IMAGES_READ,
        title="Metadata of an image",
    ),
    ResourceSpec(
        uri="info://providers",
        call=answering_resource(providers),
        scope=Scope.IMAGES_READ,
        title="Providers",
    ),
    ResourceSpec(
        uri="info://prompt-guide",
        call=answering_resource(prompt_guide),
        scope=Scope.IMAGES_READ,
        title="Prompt guide",
    ),
)
