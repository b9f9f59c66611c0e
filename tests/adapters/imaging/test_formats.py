import struct
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.imaging import formats
from imagewright.adapters.imaging.formats import FEW, MANY, Bounds
from imagewright.adapters.imaging.refusal import Refused
from tests.adapters.imaging import samples

BOUNDS = Bounds(20 << 20, 50_000_000, 16_384, 16)
KINDS = list(samples.SAVERS)


def reason(data: bytes, pieces: int = MANY) -> str:
    with pytest.raises(Refused) as refused:
        formats.check(data, BOUNDS, pieces)
    return refused.value.reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [False, True])
def test_type_size_and_end_are_read_from_the_bytes(kind: str, alpha: bool) -> None:
    data = samples.picture(kind, 321, 203, alpha=alpha and kind != "jpeg")
    header = formats.whole(data, BOUNDS)
    assert (header.format, header.width, header.height) == (kind, 321, 203)
    assert header.frames == 1
    assert header.end == len(data)


@pytest.mark.parametrize("lossless", [False, True])
def test_both_codings_of_webp_are_read(lossless: bool) -> None:
    data = samples.pixels(77, 55).webpsave_buffer(lossless=lossless, keep="none")
    header = formats.whole(data, BOUNDS)
    assert (header.width, header.height) == (77, 55)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_frames_are_counted(kind: str) -> None:
    assert formats.check(samples.animation(kind, 5), BOUNDS, FEW).frames == 5
    assert reason(samples.animation(kind, 17), FEW) == "frames"


def test_an_animated_png_is_counted_by_what_it_says() -> None:
    assert formats.check(samples.apng(4), BOUNDS, FEW).frames == 4
    assert reason(samples.apng(17), FEW) == "frames"


def test_an_avif_sequence_is_counted_by_its_samples() -> None:
    whole = samples.picture("avif", 32, 32)
    table = struct.pack(">I4sIII", 20, b"stsz", 0, 0, 40)
    for name in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        table = struct.pack(">I4s", 8 + len(table), name) + table
    assert reason(whole + table, FEW) == "frames"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused(kind: str, part: float) -> None:
    data = samples.picture(kind)
    assert reason(data[: int(len(data) * part)]) in {"truncated", "broken"}


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (16_385, 1), (8000, 8000)])
def test_a_bomb_is_known_by_its_header_alone(width: int, height: int) -> None:
    assert reason(samples.png_header(width, height), FEW) in {"edge", "pixels"}


def test_a_size_of_nothing_is_broken() -> None:
    assert reason(samples.png_header(0, 5)) == "broken"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"%PDF-1.7",
        b"II*\x00" + bytes(64),
        b"BM" + bytes(64),
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1",
        b" " + samples.PNG_MAGIC,
    ],
)
def test_other_types_are_unknown(data: bytes) -> None:
    assert reason(data) == "unknown"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "tail",
    [
        b"PK\x03\x04" + bytes(30),
        b"%PDF-1.7",
        b"  <SVG onload=x>",
        b"<script>",
        b"<html>",
        b"<?php ",
        b"Rar!\x1a\x07\x00",
        b"\x7fELF" + bytes(9),
        b"MZ\x90\x00",
    ],
)
def test_a_second_file_behind_the_picture_is_refused(kind: str, tail: bytes) -> None:
    with pytest.raises(Refused) as refused:
        formats.whole(samples.picture(kind, 64, 64) + tail, BOUNDS)
    assert refused.value.reason in {"polyglot", "truncated", "broken"}


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_padding_and_previews_behind_the_picture_are_not(kind: str) -> None:
    data = samples.picture(kind, 64, 64)
    assert formats.whole(data + bytes(64), BOUNDS).end == len(data)
    assert formats.whole(data + samples.picture("jpeg", 32, 32), BOUNDS).end == len(data)


def test_a_zip_whose_comment_is_the_rest_of_the_picture_is_refused() -> None:
    whole = samples.picture("png", 16, 16)
    rest = whole[33:]
    # The chunk's own checksum lies in the comment too.
    end = b"PK\x05\x06" + bytes(16) + struct.pack("<H", 4 + len(rest))
    data = whole[:33] + samples.chunk(b"prVt", end) + rest
    with pytest.raises(Refused, match="polyglot"):
        formats.whole(data, BOUNDS)


def test_a_pdf_inside_the_first_kilobyte_is_refused() -> None:
    whole = samples.picture("png", 16, 16)
    data = whole[:33] + samples.chunk(b"tEXt", b"a\0%PDF-1.4") + whole[33:]
    with pytest.raises(Refused, match="polyglot"):
        formats.whole(data, BOUNDS)


def test_words_inside_a_comment_are_only_words() -> None:
    whole = samples.picture("png", 16, 16)
    data = whole[:33] + samples.chunk(b"tEXt", b"a\0<script>") + whole[33:]
    assert formats.whole(data, BOUNDS).format == "png"


@pytest.mark.parametrize(
    "data",
    [
        samples.png_header(9, 9) + samples.chunk(b"tEXt", b"") * 1_000_000,
        b"GIF89a\x09\0\x09\0\0\0\0" + b"!\xf9" + b"\x01\x00" * 6_000_000,
        b"GIF89a\x09\0\x09\0\0\0\0" + b"\0" * 12_000_000,
        b"\xff\xd8\xff" + b"\xff" * 12_000_000,
        b"\xff\xd8\xff\xe0" + b"\xff\x00" * 6_000_000,
        b"RIFF\xff\xff\xff\x00WEBPVP8X\x0a\0\0\0" + bytes(10) + b"abcd\0\0\0\0" * 1_000_000,
        b"\0\0\0\x10ftypavif\0\0\0\0" + b"\0\0\0\x08free" * 1_000_000,
    ],
)
def test_no_file_holds_the_caller_up(data: bytes) -> None:
    began = time.process_time()
    with suppress(Refused):
        formats.check(data, BOUNDS, FEW)
    assert time.process_time() - began < 0.05


@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 3000),
)
def test_a_damaged_file_is_read_or_refused(
    kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(SMALL[kind])
    for at, value in changes:
        data[at % len(data)] = value
    with suppress(Refused):
        formats.whole(bytes(data[: len(data) - cut]), BOUNDS)


SMALL = {kind: samples.picture(kind, 24, 20) for kind in KINDS}


@given(data=st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        formats.whole(data, BOUNDS)
