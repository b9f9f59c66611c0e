"""Pictures for the tests: real ones through libvips, bad ones by hand."""

import struct
import zlib
from typing import Any, cast

import pyvips

from imagewright.core.picture import Drawing, Format, PictureLimits
from imagewright.core.size import Size

LIMITS = PictureLimits(bytes=20 << 20)
SAVERS = {
    "png": "pngsave_buffer",
    "jpeg": "jpegsave_buffer",
    "webp": "webpsave_buffer",
    "gif": "gifsave_buffer",
    "avif": "heifsave_buffer",
}
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def pixels(width: int, height: int, *, alpha: bool = False) -> Any:
    """Something with structure, so that no format stores it as next to nothing."""
    places = pyvips.Image.xyz(width, height)
    red = (places[0] * 7) % 256
    green = (places[1] * 5) % 256
    image = red.bandjoin([green, (red + green) % 256]).cast("uchar").copy(interpretation="srgb")
    return image.bandjoin(((places[0] + places[1]) % 256).cast("uchar")) if alpha else image


def picture(kind: str, width: int = 320, height: int = 200, *, alpha: bool = False) -> bytes:
    """A whole picture of that format."""
    options = {"compression": "av1", "effort": 0} if kind == "avif" else {}
    image = pixels(width, height, alpha=alpha)
    return cast("bytes", getattr(image, SAVERS[kind])(**options))


def animation(kind: str, frames: int, edge: int = 32) -> bytes:
    """Frames of one size, each different."""
    pages = [pixels(edge, edge) + 3 * number for number in range(frames)]
    strip = pyvips.Image.arrayjoin([page.cast("uchar") for page in pages], across=1)
    strip = strip.copy(interpretation="srgb")
    strip.set_type(pyvips.GValue.gint_type, "page-height", edge)
    return cast("bytes", getattr(strip, SAVERS[kind])())


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png_header(width: int, height: int) -> bytes:
    """A PNG that has its first chunk only."""
    return PNG_MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png_bomb(width: int, height: int) -> bytes:
    """A whole, valid PNG of one colour: small as a file, large as pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_header(width, height) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def apng(frames: int) -> bytes:
    """A PNG that says it is an animation."""
    whole = picture("png", 32, 32)
    return whole[:33] + chunk(b"acTL", struct.pack(">II", frames, 0)) + whole[33:]


def drawing(**changed: Any) -> Drawing:
    """A placeholder, with what a test cares about changed."""
    values: dict[str, Any] = {
        "prompt": "A lighthouse on a cliff at dusk",
        "size": Size(320, 256),
        "format": Format.PNG,
        "transparent": False,
        "compression": None,
        "seed": 42,
    }
    return Drawing(**(values | changed))


def load(data: bytes) -> Any:
    """The pixels of an encoded picture."""
    return pyvips.Image.new_from_buffer(data, "")
