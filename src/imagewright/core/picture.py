"""What is known of a picture's bytes, and the limits they must keep."""

from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.errors import InvalidRequest
from imagewright.core.size import Size


class Format(StrEnum):
    """The formats that are accepted and made."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"
    AVIF = "avif"

    @property
    def mime(self) -> str:
        """The media type, such as `image/png`."""
        return f"image/{self.value}"

    @property
    def suffix(self) -> str:
        """The file name's ending, without the dot."""
        return "jpg" if self is Format.JPEG else self.value


FORMATS_WITH_ALPHA = frozenset({Format.PNG, Format.WEBP, Format.GIF, Format.AVIF})
LOSSY_FORMATS = frozenset({Format.JPEG, Format.WEBP, Format.AVIF})
_BEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """Bounds kept before decoding: bytes of a file, pixels of a frame, edge in pixels, frames."""

    bytes: int
    pixels: int = 50_000_000
    edge: int = 16_384
    frames: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Facts read from the bytes themselves, never from a name or a header beside them."""

    format: Format
    size: Size
    frames: int
    alpha: bool
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A transform of an original: fits inside width x height keeping the ratio, never enlarges.

    `quality` is 1 to 100 and means something for JPEG, WebP and AVIF only. Raises
    InvalidRequest for an edge of no pixels or a quality out of range.
    """

    width: int | None = None
    height: int | None = None
    format: Format | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        for name, edge in (("width", self.width), ("height", self.height)):
            if edge is not None and edge < 1:
                raise InvalidRequest(f"{name} is {edge}; it must be at least 1.")
        if self.quality is not None and not 1 <= self.quality <= _BEST:
            raise InvalidRequest(f"quality is {self.quality}; it must be from 1 to {_BEST}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A placeholder picture: the same values draw the same bytes.

    `fraction` (0 < f <= 1) draws the picture's first part only, as a partial image.
    `reference` is an encoded picture to draw over, `mask` an encoded one whose
    transparent (or, without alpha, white) pixels alone are changed. `strength`
    (0 to 1) is how much of the reference is covered; None leaves it to the drawing.
    """

    prompt: str
    size: Size
    format: Format
    transparent: bool
    compression: int | None
    seed: int
    index: int = 0
    fraction: float = 1.0
    reference: bytes | None = None
    mask: bytes | None = None
    strength: float | None = None
