"""A stored picture."""

from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.ids import Kind, is_id
from imagewright.core.picture import Picture

_URI = "image://"


class Origin(StrEnum):
    """How an image came to be."""

    GENERATED = "generated"
    EDITED = "edited"
    DERIVED = "derived"
    IMPORTED = "imported"


class Role(StrEnum):
    """What a parent was to the image made from it."""

    REFERENCE = "reference"
    MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """One step of lineage: the image it came from, as what, and at which place among them."""

    image: str
    role: Role
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A row of the images table; `path` is relative to the subject's directory.

    `asked_size` is what the ask named (`WxH` or `auto`), empty for an import.
    `created_at` is UTC microseconds.
    """

    id: str
    job: str | None
    index: int
    origin: Origin
    path: str
    sha256: str
    picture: Picture
    provider: str
    model: str
    prompt: str
    revised_prompt: str | None
    seed: int | None
    asked_size: str
    tags: tuple[str, ...]
    created_at: int
    parents: tuple[Parent, ...] = ()


def image_uri(image: str) -> str:
    """The URI of an image's view."""
    return f"{_URI}{image}/view"


def named_image(reference: str) -> str | None:
    """The id in `img_…`, `image://img_…` or `image://img_…/view?…`; None for any other text."""
    text = reference.removeprefix(_URI)
    if text != reference:
        text = text.partition("/")[0].partition("?")[0]
    return text if is_id(Kind.IMAGE, text) else None
