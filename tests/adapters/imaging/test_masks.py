"""Masks: drawn with transparency or in black and white, they mean the same."""

from typing import Any

import pytest
import pyvips

from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.core.errors import ImageTooLarge, InvalidImage
from imagewright.core.picture import PictureLimits
from tests.adapters.imaging import samples
from tests.adapters.imaging.samples import LIMITS

pytestmark = pytest.mark.asyncio(loop_scope="module")
WIDTH, HEIGHT = 60, 40
LEFT = (pyvips.Image.xyz(WIDTH, HEIGHT)[0] < WIDTH // 3).ifthenelse(255, 0).cast("uchar")


def grey(image: Any = LEFT) -> Any:
    return image.copy(interpretation="b-w")


def colours(image: Any = LEFT) -> Any:
    return image.bandjoin([image, image]).copy(interpretation="srgb")


def cut_out(image: Any = LEFT) -> Any:
    """White everywhere, and transparent where the mask is to change the picture."""
    white = colours(image * 0 + 255).cast("uchar")
    return white.bandjoin(image.invert()).copy(interpretation="srgb")


def deep(image: Any = LEFT) -> Any:
    """`cut_out` with 16 bits a band."""
    return (cut_out(image).cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")


@pytest.mark.parametrize("drawn", [grey, colours, cut_out, deep])
async def test_a_mask_is_read_by_its_alpha_or_its_lightness(
    imaging: VipsImaging, drawn: Any
) -> None:
    read = await imaging.read_mask(drawn().pngsave_buffer(), LIMITS)
    made = samples.load(read.data)
    assert (made.width, made.height, made.bands, made.format) == (WIDTH, HEIGHT, 1, "uchar")
    assert (made - LEFT).abs().max() <= 1
    assert read.share == pytest.approx(1 / 3, abs=0.01)


async def test_soft_edges_stay_soft(imaging: VipsImaging) -> None:
    ramp = (pyvips.Image.xyz(256, 8)[0]).cast("uchar")
    made = samples.load((await imaging.read_mask(grey(ramp).pngsave_buffer(), LIMITS)).data)
    assert (made - ramp).abs().max() <= 1


async def test_a_jpeg_is_read_by_its_lightness(imaging: VipsImaging) -> None:
    read = await imaging.read_mask(colours().jpegsave_buffer(Q=60), LIMITS)
    assert read.share == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("drawn", [grey, cut_out])
@pytest.mark.parametrize(("shade", "what"), [(0, "nothing"), (20, "nothing"), (255, "all")])
async def test_a_mask_of_nothing_or_all_is_refused(
    imaging: VipsImaging, drawn: Any, shade: int, what: str
) -> None:
    flat = (LEFT * 0 + shade).cast("uchar")
    with pytest.raises(InvalidImage, match=f"The mask changes {what} of the image") as refused:
        await imaging.read_mask(drawn(flat).pngsave_buffer(), LIMITS)
    assert refused.value.hint
    assert "transparent" in refused.value.hint


async def test_what_is_no_picture_or_too_large_is_no_mask(imaging: VipsImaging) -> None:
    with pytest.raises(InvalidImage):
        await imaging.read_mask(b"no picture", LIMITS)
    with pytest.raises(ImageTooLarge):
        await imaging.read_mask(grey().pngsave_buffer(), PictureLimits(bytes=10))


async def test_a_mask_with_alpha_is_transparent_where_the_picture_is_changed(
    imaging: VipsImaging,
) -> None:
    read = await imaging.read_mask(grey().pngsave_buffer(), LIMITS)
    made = samples.load(await imaging.alpha_mask(read.data))
    assert (made.width, made.height, made.bands) == (WIDTH, HEIGHT, 4)
    assert (made[3] - LEFT.invert()).abs().max() == 0
    again = await imaging.read_mask(await imaging.alpha_mask(read.data), LIMITS)
    assert (samples.load(again.data) - LEFT).abs().max() == 0
