"""What a worker does with a picture: decode it whole, show it small, rework it. Child side."""

from typing import Any, NamedTuple

import pyvips

from imagewright.adapters.imaging import formats
from imagewright.adapters.imaging.formats import Bounds, Header
from imagewright.adapters.imaging.refusal import Refused

# Only these, each by name: nothing is guessed from the bytes a second time.
_LOADERS: dict[str, str] = {
    "png": "pngload_buffer",
    "jpeg": "jpegload_buffer",
    "webp": "webpload_buffer",
    "gif": "gifload_buffer",
    "avif": "heifload_buffer",
}
_PAGED = ("webp", "gif")
_MADE_OF = {"gif": "png", "avif": "webp"}
_ALPHA = ("png", "webp", "gif", "avif")
_WEBP_EDGE = 16_383
_UNBOUNDED = 10_000_000


class Asked(NamedTuple):
    """A rendition: 0 for a side, and None for a format or quality, that was not asked for."""

    width: int
    height: int
    format: str | None
    quality: int | None


def facts(image: Any, kind: str, frames: int) -> dict[str, Any]:
    """What the parent is told of a picture."""
    return {
        "format": kind,
        "width": image.width,
        "height": image.height,
        "frames": frames,
        "alpha": bool(image.hasalpha()),
    }


def decode(data: bytes, bounds: Bounds) -> tuple[Any, Header]:
    """The first frame, decoded whole in memory; the other frames are decoded and let go.

    Raises Refused, and pyvips.Error for a file that its decoder refuses.
    """
    header = formats.whole(data, bounds)
    load = getattr(pyvips.Image, _LOADERS[header.format])
    # "error" refuses what is cut off or unreadable; "warning" would refuse odd colour profiles too.
    image = load(data, access="sequential", fail_on="error")
    formats.keep(image.width, image.height, header.frames, bounds)
    first = image.copy_memory()
    if header.frames > 1 and header.format in _PAGED:
        load(data, access="sequential", fail_on="error", n=-1).avg()
    return first, header


def shown(image: Any, width: int, height: int) -> Any:
    """Turned as its EXIF says, in sRGB with 8 bits, fitted into the box and never enlarged."""
    # Measured at 1024x1024: 30 ms with an output profile, 3 without; most pictures carry none.
    profiled = image.get_typeof("icc-profile-data") != 0 or image.interpretation == "cmyk"
    options = {"output_profile": "srgb"} if profiled else {}
    small = image.thumbnail_image(width, height=height, size="down", **options)
    if small.interpretation != "srgb":
        small = small.colourspace("srgb")
    return small if small.format == "uchar" else small.cast("uchar")


def preview(image: Any, edge: int, most: int) -> bytes | None:
    """A WebP of at most so many bytes, or None where even a tiny one has more."""
    while edge >= 16:
        small = shown(image, edge, edge).copy_memory()
        for quality in (82, 65, 45, 25):
            data: bytes = small.webpsave_buffer(Q=quality, effort=2, keep="none")
            if len(data) <= most:
                return data
        edge //= 2
    return None


def inspect(
    data: bytes, bounds: Bounds, edge: int, most: int
) -> tuple[dict[str, Any], list[bytes]]:
    """Facts, and a preview unless `edge` is 0. The size is the header's, before any turning."""
    image, header = decode(data, bounds)
    small = preview(image, edge, most) if edge else None
    return facts(image, header.format, header.frames), [] if small is None else [small]


def render(data: bytes, bounds: Bounds, asked: Asked) -> tuple[dict[str, Any], list[bytes]]:
    """A rendition, without the original's metadata."""
    image, header = decode(data, bounds)
    made = shown(image, asked.width or _UNBOUNDED, asked.height or _UNBOUNDED)
    kind = asked.format or _MADE_OF.get(header.format, header.format)
    made = made.flatten(background=255) if made.hasalpha() and kind not in _ALPHA else made
    return facts(made, kind, 1), [encode(made, kind, asked.quality)]


def encode(image: Any, kind: str, quality: int | None) -> bytes:
    """The file. Speed is chosen over the last few percent of size."""
    if kind == "webp" and max(image.width, image.height) > _WEBP_EDGE:
        raise Refused("unwritable")
    save, options = _SAVERS[kind]
    rated = {} if kind in ("png", "gif") else {"Q": 85 if quality is None else max(1, quality)}
    data: bytes = getattr(image, save)(keep="none", **options, **rated)
    return data


_SAVERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Measured at 1024x1024: 87 a second so, 51 with the default filter and compression.
    "png": ("pngsave_buffer", {"compression": 3, "filter": "sub"}),
    "jpeg": ("jpegsave_buffer", {"optimize_coding": True}),
    "webp": ("webpsave_buffer", {"effort": 2}),
    "gif": ("gifsave_buffer", {"effort": 1}),
    "avif": ("heifsave_buffer", {"compression": "av1", "effort": 1}),
}
