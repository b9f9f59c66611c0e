import itertools
from typing import Any

import pytest
import pyvips

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.core.errors import ImageTooLarge, InvalidRequest
from imagewright.core.picture import Format
from imagewright.core.size import Size
from tests.adapters.imaging import samples
from tests.adapters.imaging.samples import LIMITS, drawing, load

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZES = [
    (16, 16),
    (64, 48),
    (256, 256),
    (1024, 1024),
    (1536, 1024),
    (700, 90),
    (90, 700),
    (4096, 17),
]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("kind", list(Format))
async def test_size_and_format_are_as_asked(
    imaging: VipsImaging, width: int, height: int, kind: Format
) -> None:
    data = await imaging.draw(drawing(size=Size(width, height), format=kind))
    picture = (await imaging.inspect(data, LIMITS)).picture
    assert (picture.size, picture.format) == (Size(width, height), kind)


async def test_the_same_values_draw_the_same_bytes(imaging: VipsImaging) -> None:
    async with VipsImaging(ImagingConfig(workers=1)) as other:
        for kind in Format:
            first = await imaging.draw(drawing(format=kind))
            assert first == await imaging.draw(drawing(format=kind))
            assert first == await other.draw(drawing(format=kind))


async def test_every_value_that_differs_draws_another_picture(imaging: VipsImaging) -> None:
    others: list[dict[str, Any]] = [
        {},
        {"seed": 43},
        {"index": 1},
        {"prompt": "A boat"},
        {"fraction": 0.3},
        {"fraction": 0.7},
        {"transparent": True},
        {"reference": samples.picture("png")},
    ]
    drawn = [await imaging.draw(drawing(**changed)) for changed in others]
    for one, other in itertools.combinations(drawn, 2):
        assert one != other


@pytest.mark.parametrize("kind", [Format.PNG, Format.WEBP, Format.AVIF, Format.GIF])
async def test_a_transparent_background_is_transparent(imaging: VipsImaging, kind: Format) -> None:
    image = load(await imaging.draw(drawing(transparent=True, format=kind)))
    assert image.hasalpha()
    alpha = image[image.bands - 1]
    assert alpha(2, 2)[0] <= 2
    assert alpha.max() > 250


async def test_a_jpeg_has_no_transparent_background(imaging: VipsImaging) -> None:
    image = load(await imaging.draw(drawing(transparent=True, format=Format.JPEG)))
    assert image.bands == 3


async def test_compression_is_the_quality(imaging: VipsImaging) -> None:
    for kind in (Format.JPEG, Format.WEBP):
        sizes = [
            len(await imaging.draw(drawing(format=kind, compression=quality)))
            for quality in (0, 30, 100)
        ]
        assert sizes == sorted(set(sizes))


async def test_a_partial_keeps_the_rows_that_are_done(imaging: VipsImaging) -> None:
    whole = load(await imaging.draw(drawing()))
    half = load(await imaging.draw(drawing(fraction=0.5)))
    assert (whole.crop(0, 0, 320, 128) - half.crop(0, 0, 320, 128)).abs().max() == 0
    assert (whole.crop(0, 128, 320, 128) - half.crop(0, 128, 320, 128)).abs().avg() > 1


async def test_an_edit_shows_what_it_was_drawn_over(imaging: VipsImaging) -> None:
    black = (samples.pixels(320, 256) * 0).cast("uchar").copy(interpretation="srgb")
    white = black.invert()
    dark, light = [
        load(await imaging.draw(drawing(reference=image.pngsave_buffer())))
        for image in (black, white)
    ]
    assert light.avg() - dark.avg() > 60


async def test_strength_is_how_much_of_the_reference_is_covered(imaging: VipsImaging) -> None:
    reference = samples.pixels(320, 256)
    below = reference.crop(0, 200, 320, 56)
    differs = []
    for strength in (0.0, 0.3, 0.9):
        asked = drawing(reference=reference.pngsave_buffer(), strength=strength)
        made = load(await imaging.draw(asked)).crop(0, 200, 320, 56)
        differs.append((made - below).abs().avg())
    assert differs[0] == 0
    assert differs == sorted(set(differs))


def _mask(width: int, height: int, *, alpha: bool) -> bytes:
    """The middle may change."""
    middle = pyvips.Image.black(width, height).draw_rect(
        255, width // 4, height // 4, width // 2, height // 2, fill=True
    )
    image = middle.bandjoin([middle, middle]).copy(interpretation="srgb")
    masked = image.bandjoin(middle.invert()) if alpha else image
    return bytes(masked.pngsave_buffer())


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("clear", [False, True])
async def test_outside_the_mask_every_pixel_is_the_references(
    imaging: VipsImaging, alpha: bool, clear: bool
) -> None:
    reference = samples.pixels(320, 256, alpha=clear)
    asked = drawing(
        reference=reference.pngsave_buffer(), mask=_mask(320, 256, alpha=alpha), transparent=clear
    )
    made = load(await imaging.draw(asked))
    assert made.bands == reference.bands
    changed = (made - reference).abs()
    outside = [(0, 0, 320, 64), (0, 192, 320, 64), (0, 0, 80, 256), (240, 0, 80, 256)]
    assert [changed.crop(*part).max() for part in outside] == [0, 0, 0, 0]
    assert changed.crop(80, 64, 160, 128).avg() > 5


async def test_a_mask_of_another_size_is_fitted(imaging: VipsImaging) -> None:
    asked = drawing(reference=samples.picture("jpeg", 500, 100), mask=_mask(80, 64, alpha=True))
    image = load(await imaging.draw(asked))
    assert (image.width, image.height) == (320, 256)


async def test_a_mask_that_changes_nothing_changes_nothing(imaging: VipsImaging) -> None:
    reference = samples.pixels(320, 256)
    black = (reference * 0).cast("uchar").copy(interpretation="srgb").pngsave_buffer()
    made = load(await imaging.draw(drawing(reference=reference.pngsave_buffer(), mask=black)))
    assert (made - reference).abs().max() == 0


async def test_a_mask_alone_is_refused(imaging: VipsImaging) -> None:
    with pytest.raises(InvalidRequest):
        await imaging.draw(drawing(mask=samples.picture("png")))


async def test_a_drawing_beyond_the_longest_side_is_refused() -> None:
    with pytest.raises(ImageTooLarge):
        await VipsImaging(ImagingConfig()).draw(drawing(size=Size(5000, 10)))


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "   \n\t ",
        "夕暮れの崖の上の灯台",
        "🎉🎉🎉",
        "<b>&amp; </span> & <",
        "مرحبا بالعالم",
        "a" * 32_000,
        "word " * 6_000,
        "e\u0301\u0301\u0301\u0301 \u202e\u200d\x00\x07",
        "\ud800",
        "Ein Leuchtturm, маяк, φάρος",
    ],
)
async def test_any_prompt_is_drawn(imaging: VipsImaging, prompt: str) -> None:
    data = await imaging.draw(drawing(prompt=prompt))
    assert (await imaging.inspect(data, LIMITS)).picture.size == Size(320, 256)


async def test_a_prompt_is_written_with_the_fonts_own_letters(imaging: VipsImaging) -> None:
    """Without its font Pango writes one empty box for any letter, with as much white in each."""
    black = (samples.pixels(640, 512) * 0).cast("uchar").copy(interpretation="srgb")
    white = []
    for prompt in ("lllllllll", "WWWWWWWWW", "ЖЖЖЖЖЖЖЖЖ"):
        asked = drawing(prompt=prompt, size=Size(640, 512), reference=black.pngsave_buffer())
        image = load(await imaging.draw(asked))
        # The scenery is less than half as bright over black: what is white is the prompt.
        white.append((image[0] > 240).avg())
    assert white[0] > 0
    assert len(set(white)) == 3
