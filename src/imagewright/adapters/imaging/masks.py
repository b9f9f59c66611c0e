"""Masks: read as callers draw them, and written as a provider takes them. Child side.

Within the service a mask has one band of 8 bits: white is changed, black is kept.
"""

from typing import Any

import pyvips

from imagewright.adapters.imaging import pictures
from imagewright.adapters.imaging.formats import Bounds
from imagewright.adapters.imaging.refusal import Refused

_HALF = 128


def changed(image: Any) -> Any:
    """How much each pixel is changed: its transparency or, without an alpha band, its lightness."""
    if image.hasalpha():
        shown = image if image.format == "uchar" else image.colourspace("srgb")
        return shown[shown.bands - 1].cast("uchar").invert()
    return image.colourspace("b-w")[0].cast("uchar")


def read(data: bytes, bounds: Bounds) -> tuple[dict[str, Any], list[bytes]]:
    """The mask as a PNG, as large as its header says. Raises Refused for all or nothing."""
    image, _ = pictures.decode(data, bounds)
    mask = changed(image).copy(interpretation="b-w").copy_memory()
    if mask.max() < _HALF:
        raise Refused("mask-empty")
    if mask.min() >= _HALF:
        raise Refused("mask-full")
    return {"share": mask.avg() / 255}, [pictures.encode(mask, "png", None)]


def with_alpha(data: bytes, bounds: Bounds) -> bytes:
    """A mask of ours as a PNG that is transparent where the picture is changed."""
    mask, _ = pictures.decode(data, bounds)
    black = pyvips.Image.black(mask.width, mask.height, bands=3).copy(interpretation="srgb")
    return pictures.encode(black.bandjoin(mask[0].invert()), "png", None)
