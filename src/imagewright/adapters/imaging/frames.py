"""Messages between the parent and a worker: a JSON head, then byte strings.

On the wire: four bytes (big-endian length of the head), the head, the byte strings one after the
other; the head's `blobs` lists their lengths. Both sides run the same code, so there is no version.
"""

import json
import os
import struct
from collections.abc import Sequence
from typing import Any

PREFIX = struct.Struct(">I")
MOST_HEAD = 1 << 20
MOST_BLOBS = 1 << 30

_NONSENSE = "not a message"


def pack(head: dict[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """The head as it goes on the wire; the byte strings follow it unchanged."""
    text = json.dumps({**head, "blobs": [len(blob) for blob in blobs]}).encode()
    return PREFIX.pack(len(text)) + text


def head_length(prefix: bytes) -> int:
    """Raises ValueError where the other side speaks nonsense."""
    length: int = PREFIX.unpack(prefix)[0]
    if length > MOST_HEAD:
        raise ValueError(_NONSENSE)
    return length


def unpack(text: bytes) -> tuple[dict[str, Any], list[int]]:
    """The head and the lengths of what follows it. Raises ValueError for anything else."""
    head = json.loads(text)
    lengths = head.pop("blobs", None) if isinstance(head, dict) else None
    if not isinstance(lengths, list) or not all(
        isinstance(length, int) and length >= 0 for length in lengths
    ):
        raise ValueError(_NONSENSE)
    if sum(lengths) > MOST_BLOBS:
        raise ValueError(_NONSENSE)
    return head, lengths


def receive(fd: int) -> tuple[dict[str, Any], list[bytes]]:
    """Wait for one message. Raises EOFError when the other side is gone."""
    head, lengths = unpack(_exactly(fd, head_length(_exactly(fd, PREFIX.size))))
    return head, [_exactly(fd, length) for length in lengths]


def send(fd: int, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Write one message whole."""
    for part in (pack(head, blobs), *blobs):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(fd, rest) :]


def _exactly(fd: int, length: int) -> bytes:
    filled = bytearray()
    while len(filled) < length:
        # Not more than a mebibyte at once: os.read reserves what it is asked for.
        part = os.read(fd, min(length - len(filled), 1 << 20))
        if not part:
            raise EOFError
        filled += part
    return bytes(filled)
