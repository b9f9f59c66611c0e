"""Pictures: checked, transformed and drawn, apart from everything else the service holds."""

from dataclasses import dataclass
from typing import Protocol

from imagewright.core.picture import Drawing, Picture, PictureLimits, Rendition


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How a preview is made: longest edge in pixels, and the most bytes it may have."""

    edge: int = 512
    bytes: int = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A picture that was decoded whole, and its preview (WebP) if one was asked for."""

    picture: Picture
    preview: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An encoded picture and what it is."""

    data: bytes
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A mask as the service means it, and how much of the picture it changes, from 0 to 1.

    The bytes are a PNG with one band of 8 bits: white is changed, black is kept.
    """

    data: bytes
    share: float


class Imaging(Protocol):
    """Works in processes that hold no secret, reach no network and cannot start a program.

    Every method raises InvalidImage for bytes that are not one whole picture of an accepted
    format, ImageTooLarge beyond a limit (told from the header, before decoding), and
    Unavailable when no worker answers in time; a worker that hangs is killed and replaced.
    """

    async def inspect(
        self, data: bytes, limits: PictureLimits, preview: Preview | None = None
    ) -> Inspected:
        """Tell a picture's type by its magic bytes and its size by its header, then decode it all.

        An animation's first frame makes the preview. SVG and polyglot files are refused.
        """

    async def render(self, data: bytes, rendition: Rendition, limits: PictureLimits) -> Rendered:
        """Make a rendition, in the original's format unless told (AVIF: WebP, GIF: PNG)."""

    async def read_mask(self, data: bytes, limits: PictureLimits) -> Masked:
        """Read a caller's mask: transparent is changed or, in one without alpha, white.

        Raises InvalidImage also for one that changes nothing, or everything.
        """

    async def alpha_mask(self, mask: bytes) -> bytes:
        """The bytes of a `Masked` as a PNG whose transparent pixels are changed."""

    async def draw(self, drawing: Drawing) -> bytes:
        """Draw a placeholder picture of exactly the size, format and background asked."""

    async def ping(self) -> None:
        """Raise Unavailable unless a worker answers."""

    def confinement(self) -> dict[str, str]:
        """The limits in force on this system, by name, and for those that are not, why."""
