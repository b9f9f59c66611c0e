"""What a file is, by its own bytes: type, size, frames, and its end. Nothing is decoded.

Sources: PNG (W3C, third edition), GIF89a, RFC 9649 (WebP), ITU T.81 (JPEG), ISO 14496-12 and
AV1 Image File Format 1.1 (AVIF).
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from imagewright.adapters.imaging.refusal import Refused

# So many pieces are looked at before a worker is asked; no file can hold the caller up.
FEW = 10_000
# And so many at all: a real file of the largest size has fewer.
MANY = 1_000_000

CUT = -1

_PNG = b"\x89PNG\r\n\x1a\n"
# What a programme other than a picture viewer looks for. Case is folded.
_FOREIGN = (
    b"pk\x03\x04",
    b"pk\x05\x06",
    b"rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x7felf",
    b"%pdf",
    b"<svg",
    b"<script",
    b"<html",
    b"<!doctype",
    b"<?php",
    b"#!/",
)
# Two letters are found by chance inside any picture, so only where something begins.
_FOREIGN_START = (b"mz", b"<?xml")
_ZIP_END = b"PK\x05\x06"
# One way to match from each place, so the search takes time in proportion to the file.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SIZED = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Header(NamedTuple):
    """`frames` are those up to `end`: CUT where the file ends first, None where the look did."""

    format: str
    width: int
    height: int
    frames: int
    end: int | None


class Bounds(NamedTuple):
    """PictureLimits as the worker gets them."""

    bytes: int
    pixels: int
    edge: int
    frames: int


def check(data: bytes, bounds: Bounds, pieces: int) -> Header:
    """Walk at most so many pieces (chunks, blocks, segments, boxes) and keep the bounds.

    Raises Refused. A picture that is both too large and cut off is called too large.
    """
    if len(data) > bounds.bytes:
        raise Refused("bytes")
    header = _reader(data)(data, pieces)
    if header.width < 1 or header.height < 1:
        raise Refused("broken")
    keep(header.width, header.height, header.frames, bounds)
    if header.end == CUT:
        raise Refused("truncated")
    return header


def keep(width: int, height: int, frames: int, bounds: Bounds) -> None:
    """Raise Refused for a picture beyond the bounds."""
    if max(width, height) > bounds.edge:
        raise Refused("edge")
    if width * height > bounds.pixels:
        raise Refused("pixels")
    if frames > bounds.frames:
        raise Refused("frames")


def whole(data: bytes, bounds: Bounds) -> Header:
    """Walk all of the file: `check`, and that it has an end with nothing foreign behind it."""
    header = check(data, bounds, MANY)
    if header.end is None:
        raise Refused("broken")
    if polyglot(data, header.end):
        raise Refused("polyglot")
    return header


def polyglot(data: bytes, end: int) -> bool:
    """Whether the file would also be taken for something other than a picture.

    Bytes after a picture's end are common (cameras append previews, gain maps, films), so they
    are searched for other files' signatures and not refused as such.
    """
    tail = data[end:].lower()
    if any(sign in tail for sign in _FOREIGN) or tail.lstrip(b"\0 \r\n\t").startswith(
        _FOREIGN_START
    ):
        return True
    # A PDF may begin anywhere in the first kilobyte.
    return b"%PDF-" in data[:1024] or _ends_as_zip(data)


def _ends_as_zip(data: bytes) -> bool:
    """A ZIP's directory is found from the end; its comment can hold the rest of a picture."""
    at = data.rfind(_ZIP_END, max(0, len(data) - 65_557))
    while at >= 0:
        if at + 22 <= len(data) and at + 22 + _little(data, at + 20, 2) == len(data):
            return True
        at = data.rfind(_ZIP_END, max(0, len(data) - 65_557), at)
    return False


def _reader(data: bytes) -> Callable[[bytes, int], Header]:
    if data.startswith(_PNG):
        return _png
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _gif
    if data[4:8] == b"ftyp":
        return _avif
    raise Refused("unknown")


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_slice(data, at, length), "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_slice(data, at, length), "little")


def _slice(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) < length:
        raise Refused("truncated")
    return part


def _png(data: bytes, pieces: int) -> Header:
    if _slice(data, 8, 8) != b"\0\0\0\x0dIHDR":
        raise Refused("broken")
    width, height = _big(data, 16, 4), _big(data, 20, 4)
    at, told, counted = len(_PNG), 1, 0
    for _ in range(pieces):
        # The header is told even so: a bomb that is cut off is called a bomb.
        if at + 12 > len(data):
            return Header("png", width, height, max(told, counted), CUT)
        length, kind = _big(data, at, 4), data[at + 4 : at + 8]
        if kind == b"acTL":
            told = max(told, _big(data, at + 8, 4))
        elif kind == b"fcTL":
            counted += 1
        at += 12 + length
        if kind == b"IEND" and at <= len(data):
            return Header("png", width, height, max(told, counted), at)
    return Header("png", width, height, max(told, counted), None)


def _gif(data: bytes, pieces: int) -> Header:
    width, height = _little(data, 6, 2), _little(data, 8, 2)
    at, frames, end = 13 + _table(_little(data, 10, 1)), 0, None
    left = iter(range(pieces))
    for _ in left:
        kind = data[at] if at < len(data) else None
        if kind is None or kind == 0x3B:
            end = CUT if kind is None else at + 1
            break
        if kind == 0x2C:
            frames += 1
            at += 11 + _table(data[at + 9] if at + 9 < len(data) else 0)
        elif kind == 0x21:
            at += 2
        elif kind != 0:
            raise Refused("broken")
        # A stray zero between blocks reads as the end of a chain, as it does to decoders.
        at = _blocks(data, at, left)
    return Header("gif", width, height, max(1, frames), end)


def _table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, at: int, left: Iterator[int]) -> int:
    """The place after a chain of GIF's sub-blocks, each of which is one of the pieces left."""
    for _ in left:
        if at >= len(data):
            break
        length = data[at]
        at += length + 1
        if length == 0:
            break
    return at


def _webp(data: bytes, pieces: int) -> Header:
    end = 8 + _little(data, 4, 4)
    width, height = _webp_size(data)
    at, frames = 12, 0
    for _ in range(pieces):
        if at + 8 > min(end, len(data)):
            end = end if end <= len(data) else CUT
            return Header("webp", width, height, max(1, frames), end)
        frames += data[at : at + 4] == b"ANMF"
        length = _little(data, at + 4, 4)
        at += 8 + length + (length & 1)
    return Header("webp", width, height, max(1, frames), None)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = _slice(data, 12, 4)
    if kind == b"VP8X":
        return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
    if kind == b"VP8L":
        bits = _little(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    raise Refused("broken")


def _jpeg(data: bytes, pieces: int) -> Header:
    at, width, height = 2, 0, 0
    # Finding the end means going through every byte, which is the worker's part.
    deep = pieces > FEW
    for _ in range(pieces):
        found = _MARKER.search(data, at, len(data) if deep else at + 4096)
        if found is None:
            return Header("jpeg", width, height, 1, CUT)
        marker, at = data[found.end() - 1], found.end()
        if marker == 0xD9:
            return Header("jpeg", width, height, 1, at)
        if marker == 0x01:
            continue
        if marker in _SIZED:
            height, width = _big(data, at + 3, 2), _big(data, at + 5, 2)
        if marker == 0xDA and not deep:
            break
        at += _big(data, at, 2)
    return Header("jpeg", width, height, 1, None)


def _avif(data: bytes, pieces: int) -> Header:
    brands = _slice(data, 8, min(max(_big(data, 0, 4), 16), 512) - 8)
    if not {b"avif", b"avis"} & {brands[at : at + 4] for at in range(0, len(brands), 4)}:
        raise Refused("unknown")
    widest, frames, end = (0, 0), 1, 0
    for kind, start, stop in _boxes(data, 0, len(data), pieces):
        end = max(end, stop)
        if kind == b"ispe":
            # Tiles, thumbnails and alpha have a size as well: the picture's own is the largest.
            found = _big(data, start + 4, 4), _big(data, start + 8, 4)
            widest = max(widest, found, key=lambda size: size[0] * size[1])
        elif kind == b"stsz":
            frames = max(frames, _big(data, start + 8, 4))
    return Header("avif", *widest, frames, end if end <= len(data) else CUT)


_NESTED = {b"meta": 4, b"iprp": 0, b"ipco": 0} | dict.fromkeys(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl"), 0
)


def _boxes(data: bytes, at: int, end: int, pieces: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start of the content and end of every box, those inside known ones too."""
    left = [(at, end)]
    for _ in range(pieces):
        if not left:
            return
        at, end = left.pop()
        kind = data[at + 4 : at + 8]
        # Bytes after the last box are looked at as a tail, so nothing is made of them here.
        if at + 8 > end or not kind.isalnum():
            continue
        length, start = _big(data, at, 4), at + 8
        if length == 1:
            length, start = _big(data, start, 8), start + 8
        stop = end if length == 0 else at + length
        if stop < start:
            raise Refused("broken")
        yield kind, start, stop
        left.append((stop, end))
        if kind in _NESTED:
            left.append((start + _NESTED[kind], min(stop, end)))
    raise Refused("broken")
