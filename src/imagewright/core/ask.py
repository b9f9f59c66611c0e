"""What a caller asks for, checked where it is made."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from imagewright.core.conversation import Continued
from imagewright.core.errors import InvalidRequest
from imagewright.core.filename import check_folder, check_name
from imagewright.core.picture import Format
from imagewright.core.size import Size

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

AUTO = "auto"
MAX_PROMPT = 32_000
MAX_COUNT = 10
MAX_REFERENCES = 16
MAX_TAGS = 16
MAX_PARTIALS = 3
MAX_VARIATION = 64
MAX_HOURS = 72
SIZE_PRESETS = {"square": "1:1", "landscape": "3:2", "portrait": "2:3"}
SIZE_TIERS = {"512": 512**2, "1K": 1024**2, "2K": 2048**2, "4K": 4096**2}
"""Sizes in words, as pixels of a square; an aspect ratio may stand beside one."""
RATIOS = (
    *("1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1"),
    *("4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9"),
)

DEFAULTABLE = (
    *("n", "size", "aspect_ratio", "quality", "background", "output_format", "output_compression"),
    *("negative_prompt", "seed", "moderation", "partial_images", "strength", "input_fidelity"),
    *("template", "folder", "tags"),
)
"""The parameters of an ask that may have a default."""


class Action(StrEnum):
    """What the ask does."""

    GENERATE = "generate"
    EDIT = "edit"


class Quality(StrEnum):
    """The levels that models name; a model has some of them."""

    AUTO = "auto"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class Background(StrEnum):
    """What stands behind the subject of a picture."""

    AUTO = "auto"
    OPAQUE = "opaque"
    TRANSPARENT = "transparent"


class Moderation(StrEnum):
    """How strict the provider's own safety system is asked to be."""

    AUTO = "auto"
    LOW = "low"


class Fidelity(StrEnum):
    """How closely an edit keeps to its input images."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An input picture that the caller owns: the image's id and its content's hash."""

    image: str
    sha256: str
    size: Size
    format: Format
    alpha: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One ask as given; raises InvalidRequest when made with a value out of range.

    `size` is `auto`, a preset (square, landscape, portrait), a tier (512, 1K, 2K, 4K) or
    `WIDTHxHEIGHT`.
    None and `auto` leave the choice to the catalogue. `variation` tells two asks
    apart that are the same otherwise. `template` names one of the operator's, `none` none of them.
    `continued` is what a refinement goes on from: its first reference.
    `economy` is how many hours it may take, to be carried out by the vendor's batch at the batch's
    price. `left` names the parameters that the caller left to the operator's defaults. File name,
    folder and tags are kept in Unicode NFC, a tag once.
    """

    action: Action = Action.GENERATE
    prompt: str
    provider: str = AUTO
    model: str = AUTO
    n: int = 1
    size: str = AUTO
    aspect_ratio: str | None = None
    quality: Quality = Quality.AUTO
    background: Background = Background.AUTO
    output_format: Format | None = None
    output_compression: int | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    moderation: Moderation | None = None
    partial_images: int = 0
    folder: str = ""
    filename: str | None = None
    tags: tuple[str, ...] = ()
    variation: str | None = None
    references: tuple[Reference, ...] = ()
    mask: Reference | None = None
    strength: float | None = None
    input_fidelity: Fidelity | None = None
    template: str | None = None
    left: tuple[str, ...] = ()
    continued: Continued | None = None
    economy: int | None = None

    def __post_init__(self) -> None:
        _check_prompt("prompt", self.prompt)
        if self.negative_prompt is not None:
            _check_prompt("negative_prompt", self.negative_prompt)
        if self.template is not None:
            _check_text("template", self.template, MAX_VARIATION)
        if self.variation is not None:
            _check_text("variation", self.variation, MAX_VARIATION)
        if not set(self.left) <= set(DEFAULTABLE):
            raise InvalidRequest("No default can stand in for this.")
        _check_ranges(self)
        if self.strength is not None:
            object.__setattr__(self, "strength", abs(float(self.strength)))  # 1 is 1.0, -0.0 is 0.0
        _check_shape(self)
        _check_inputs(self)
        object.__setattr__(self, "folder", check_folder(self.folder))
        if self.filename is not None:
            object.__setattr__(self, "filename", check_name(self.filename))
        tags = tuple(dict.fromkeys(check_name(tag) for tag in self.tags))
        object.__setattr__(self, "tags", tags)

    def digest(self) -> str:
        """SHA-256 of what the ask says: what makes it the same ask when it is repeated.

        What is None says nothing, so that an ask is still the same to a program that knows of more.
        """
        said = {name: value for name, value in _shallow(self).items() if value is not None}
        return hashlib.sha256(_as_json(said).encode()).hexdigest()


def canonical(value: "DataclassInstance") -> str:
    """A dataclass as JSON with sorted keys and no spaces: equal values give equal text."""
    return _as_json(_shallow(value))


def _as_json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_shallow)


def _shallow(value: "DataclassInstance") -> dict[str, object]:
    """As `asdict` of one level: the encoder asks again for those within, and copies nothing."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _check_prompt(name: str, text: str) -> None:
    if not text.strip():
        raise InvalidRequest(f"The {name} is empty.", hint="Say in words what the image shows.")
    _check_text(name, text, MAX_PROMPT)


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidRequest(
            f"The {name} has {len(text)} characters; at most {longest} are accepted.",
            hint="Shorten it.",
        )
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidRequest(
            f"The {name} holds a NUL or half of a surrogate pair.", hint="Send valid Unicode text."
        )


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidRequest(
            f"{name} is {value}; it must be from {low} to {high}.", details={"argument": name}
        )


def _check_ranges(ask: Ask) -> None:
    _check_range("n", ask.n, 1, MAX_COUNT)
    _check_range("output_compression", ask.output_compression, 0, 100)
    _check_range("seed", ask.seed, 0, 2**53 - 1)
    _check_range("partial_images", ask.partial_images, 0, MAX_PARTIALS)
    _check_range("economy", ask.economy, 1, MAX_HOURS)
    _check_range("strength", ask.strength, 0.0, 1.0)
    _check_range("the number of tags", len(ask.tags), 0, MAX_TAGS)


def _check_shape(ask: Ask) -> None:
    if ask.economy is not None and ask.partial_images:
        raise InvalidRequest(
            "What may take hours sends no partial images.", hint="Leave one of the two out."
        )
    if ask.aspect_ratio is not None and ask.aspect_ratio not in RATIOS:
        raise InvalidRequest(
            "There is no such aspect ratio.", hint=f"Ratios are: {', '.join(RATIOS)}."
        )
    if ask.size not in {AUTO, *SIZE_PRESETS, *SIZE_TIERS}:
        Size.parse(ask.size)
        if ask.aspect_ratio is not None:
            raise InvalidRequest(
                "A size in pixels and an aspect ratio were both given.", hint="Give one of them."
            )
    elif ask.size in SIZE_PRESETS and ask.aspect_ratio is not None:
        raise InvalidRequest(
            "A size preset and an aspect ratio were both given.", hint="Give one of them."
        )


def _has_inputs(ask: Ask) -> bool:
    given = (ask.references, ask.mask, ask.input_fidelity, ask.continued)
    return any(given) or ask.strength is not None


def _check_inputs(ask: Ask) -> None:
    if ask.action is Action.GENERATE:
        if _has_inputs(ask):
            raise InvalidRequest("Input images belong to edit_image.", hint="Call edit_image.")
        return
    if not ask.references:
        raise InvalidRequest("There is no image to edit.", hint="Name 1 to 16 images.")
    if len(ask.references) > MAX_REFERENCES:
        raise InvalidRequest(
            f"{len(ask.references)} images were given; at most {MAX_REFERENCES} are accepted."
        )
    if ask.mask is not None and ask.mask.size != ask.references[0].size:
        raise InvalidRequest(
            f"The mask is {ask.mask.size}, the first image {ask.references[0].size}.",
            hint="Make the mask exactly as large as the first image.",
        )
    if ask.continued is not None and ask.continued.image != ask.references[0].image:
        raise InvalidRequest("The image that is gone on from is not the first.")
