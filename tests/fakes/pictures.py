"""Real encoded pictures for tests."""

from typing import Any

import pyvips

from imagewright.adapters.imaging.pictures import encode

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "gif": ".gif"}


def encoded(
    width: int = 64,
    height: int = 48,
    form: str = "png",
    *,
    alpha: bool = False,
    shade: int = 128,
) -> bytes:
    """A plain picture; with alpha, its left half is transparent."""
    image = pyvips.Image.black(width, height, bands=3) + shade
    if alpha:
        image = image.bandjoin(
            (pyvips.Image.xyz(width, height)[0] >= width // 2).ifthenelse(255, 0)
        )
    data: bytes = image.cast("uchar").copy(interpretation="srgb").write_to_buffer(SUFFIXES[form])
    return data


def half_changed(width: int = 64, height: int = 48) -> bytes:
    """A mask as the service means it: the left half is white, to be changed."""
    left = pyvips.Image.xyz(width, height)[0] < width // 2
    mask = left.ifthenelse(255, 0).cast("uchar").copy(interpretation="b-w")
    return encode(mask, "png", None)


def facts(data: bytes) -> tuple[str, int, int, bool]:
    """Format, width, height and whether there is alpha, told by decoding it all."""
    image: Any = pyvips.Image.new_from_buffer(data, "", access="sequential")
    image.avg()
    loader = str(image.get("vips-loader"))
    form = {"pngload_buffer": "png", "jpegload_buffer": "jpeg", "webpload_buffer": "webp"}[loader]
    return form, image.width, image.height, image.hasalpha()
