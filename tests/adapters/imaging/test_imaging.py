import sys
import time
import tracemalloc
from typing import Any

import pytest
import pyvips

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.core.errors import Fault, ImageTooLarge, InvalidImage, InvalidRequest
from imagewright.core.picture import Format, PictureLimits, Rendition
from imagewright.core.size import Size
from imagewright.ports.imaging import Preview
from tests.adapters.imaging import samples
from tests.adapters.imaging.samples import LIMITS

KINDS = list(samples.SAVERS)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_picture_is_told_and_previewed(imaging: VipsImaging, kind: str) -> None:
    data = samples.picture(kind, 1200, 700)
    inspected = await imaging.inspect(data, LIMITS, Preview())
    picture = inspected.picture
    assert picture.format == kind
    assert picture.size == Size(1200, 700)
    assert (picture.frames, picture.bytes) == (1, len(data))
    assert inspected.preview is not None
    small = samples.load(inspected.preview)
    assert (small.width, small.height) == (512, 299)
    assert small.get("vips-loader") == "webpload_buffer"


async def test_without_a_preview_asked_none_is_made(imaging: VipsImaging) -> None:
    assert (await imaging.inspect(samples.picture("png"), LIMITS)).preview is None


async def test_a_preview_keeps_its_bytes_and_no_metadata(imaging: VipsImaging) -> None:
    noise = pyvips.Image.gaussnoise(900, 900, sigma=90).cast("uchar")
    noise.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "Somebody Private")
    data = noise.jpegsave_buffer(Q=95)
    assert b"Somebody" in data
    made = (await imaging.inspect(data, LIMITS, Preview(edge=512, bytes=12_000))).preview
    assert made is not None
    assert len(made) <= 12_000
    assert b"Somebody" not in made
    tiny = await imaging.inspect(data, LIMITS, Preview(edge=512, bytes=20))
    assert tiny.preview is None


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_cut_off_is_refused(imaging: VipsImaging, kind: str) -> None:
    data = samples.picture(kind)
    for part in (0.3, 0.7, 0.97):
        with pytest.raises(InvalidImage):
            await imaging.inspect(data[: int(len(data) * part)], LIMITS)


async def test_a_cut_with_the_end_put_back_is_refused(imaging: VipsImaging) -> None:
    png = samples.picture("png", 400, 400)
    at = png.index(b"IDAT")
    short = png[: at - 4] + samples.chunk(b"IDAT", png[at + 4 : at + 300])
    with pytest.raises(InvalidImage):
        await imaging.inspect(short + samples.chunk(b"IEND", b""), LIMITS)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (samples.png_header(30_000, 30_000), ImageTooLarge),
        (samples.png_header(8000, 8000), ImageTooLarge),
        (samples.animation("gif", 17), ImageTooLarge),
        (samples.animation("webp", 17), ImageTooLarge),
        (samples.apng(17), ImageTooLarge),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", InvalidImage),
        (b"", InvalidImage),
        (samples.picture("png")[:40], InvalidImage),
    ],
)
async def test_the_header_refuses_without_a_worker(data: bytes, fault: type[Fault]) -> None:
    imaging = VipsImaging(ImagingConfig())
    with pytest.raises(fault):
        await imaging.inspect(data, LIMITS)
    with pytest.raises(fault):
        await imaging.render(data, Rendition(width=10), LIMITS)
    with pytest.raises(fault):
        await imaging.draw(samples.drawing(reference=data))


async def test_too_many_bytes_are_refused_without_a_worker() -> None:
    imaging = VipsImaging(ImagingConfig())
    with pytest.raises(ImageTooLarge):
        await imaging.inspect(samples.picture("png"), PictureLimits(bytes=100))


async def test_a_huge_rendition_is_refused_at_once_with_flat_memory() -> None:
    imaging = VipsImaging(ImagingConfig())
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(ImageTooLarge):
        await imaging.render(
            samples.picture("png"), Rendition(width=100_000, height=100_000), LIMITS
        )
    took = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 0.05
    assert peak < 2 << 20


@pytest.mark.parametrize("tail", [b"PK\x03\x04" + bytes(30), b"%PDF-1.4", b"<script>alert(1)"])
async def test_a_polyglot_is_refused(imaging: VipsImaging, tail: bytes) -> None:
    for kind in ("png", "jpeg", "gif", "webp"):
        with pytest.raises(InvalidImage):
            await imaging.inspect(samples.picture(kind) + tail, LIMITS)


async def test_an_animation_is_decoded_and_its_first_frame_shown(imaging: VipsImaging) -> None:
    for kind in ("gif", "webp"):
        inspected = await imaging.inspect(samples.animation(kind, 6), LIMITS, Preview())
        assert inspected.picture.frames == 6
        assert inspected.picture.size == Size(32, 32)
        assert inspected.preview is not None
        assert samples.load(inspected.preview).height == 32


@pytest.mark.slow
async def test_a_bomb_within_the_limits_stays_within_the_memory() -> None:
    config = ImagingConfig(workers=1, memory=96 << 20)
    data = samples.png_bomb(7000, 7000)
    assert len(data) < 1 << 20
    async with VipsImaging(config) as imaging:
        with pytest.raises(ImageTooLarge):
            await imaging.inspect(data, LIMITS)
        await imaging.ping()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [None, *Format])
async def test_a_rendition_is_what_it_says(
    imaging: VipsImaging, kind: str, asked: Format | None
) -> None:
    data = samples.picture(kind, 300, 200, alpha=kind in ("png", "webp", "avif"))
    made = await imaging.render(data, Rendition(width=90, height=90, format=asked), LIMITS)
    default = {"avif": "webp", "gif": "png"}.get(kind, kind)
    assert made.picture.format == (asked or default)
    assert made.picture.size == Size(90, 60)
    again = (await imaging.inspect(made.data, LIMITS)).picture
    assert again == made.picture
    if made.picture.format is Format.JPEG:
        assert not made.picture.alpha


async def test_a_rendition_never_enlarges(imaging: VipsImaging) -> None:
    made = await imaging.render(samples.picture("png", 40, 30), Rendition(width=4000), LIMITS)
    assert made.picture.size == Size(40, 30)


async def test_a_jpeg_of_a_transparent_picture_is_white_there(imaging: VipsImaging) -> None:
    clear = samples.pixels(64, 64).bandjoin(0).copy(interpretation="srgb").pngsave_buffer()
    made = await imaging.render(clear, Rendition(format=Format.JPEG), LIMITS)
    assert samples.load(made.data)(20, 20) == [255.0, 255.0, 255.0]


async def test_exif_turns_the_rendition_and_not_the_told_size(imaging: VipsImaging) -> None:
    image = samples.pixels(60, 40)
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    data = image.jpegsave_buffer()
    assert (await imaging.inspect(data, LIMITS)).picture.size == Size(60, 40)
    assert (await imaging.render(data, Rendition(), LIMITS)).picture.size == Size(40, 60)


async def test_quality_matters(imaging: VipsImaging) -> None:
    data = samples.picture("png")
    sizes = [
        (await imaging.render(data, Rendition(format=Format.WEBP, quality=quality), LIMITS)).picture
        for quality in (20, 95)
    ]
    assert sizes[0].bytes < sizes[1].bytes


async def test_a_format_that_cannot_hold_the_size_is_refused(imaging: VipsImaging) -> None:
    wide = samples.picture("png", 16_384, 1)
    with pytest.raises(InvalidRequest):
        await imaging.render(wide, Rendition(format=Format.WEBP), LIMITS)


async def test_cmyk_sixteen_bit_and_grey_become_srgb(imaging: VipsImaging) -> None:
    image = samples.pixels(64, 48)
    odd: list[Any] = [
        image.colourspace("cmyk").jpegsave_buffer(),
        image.colourspace("rgb16").pngsave_buffer(),
        image.colourspace("b-w").pngsave_buffer(),
        image.colourspace("b-w").pngsave_buffer(palette=True),
    ]
    for data in odd:
        made = await imaging.render(data, Rendition(format=Format.PNG), LIMITS)
        shown = samples.load(made.data)
        assert (shown.bands, shown.format, shown.interpretation) == (3, "uchar", "srgb")


async def test_confinement_says_what_holds(imaging: VipsImaging) -> None:
    said = imaging.confinement()
    assert {"process", "time", "memory", "processor", "files", "core dumps"} <= said.keys()
    if sys.platform == "linux":
        assert "seccomp" in said["system calls"]
    assert "system" in VipsImaging(ImagingConfig()).confinement()
