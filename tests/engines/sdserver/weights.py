"""Writes a checkpoint of random numbers that stable-diffusion.cpp loads as SDXS-512.

usage: python weights.py OUT.safetensors

Nothing is downloaded: `sdxs_manifest.json.gz` holds the names and shapes of the 610 tensors.
The pictures made with it are noise of the right size and format. Standard library only.
"""

import gzip
import json
import random
import struct
import sys
from math import prod
from pathlib import Path

Shape = list[int]

MANIFEST = Path(__file__).with_name("sdxs_manifest.json.gz")
HALF_ONE = struct.pack("<e", 1.0)
POOL = 1 << 18


def shape(name: str, extents: Shape) -> Shape:
    """The tensor's shape in the file; the manifest has four extents, the fastest first."""
    if name.endswith(".bias") or extents[1:] == [1, 1, 1]:
        return extents[:1]
    if extents[2:] == [1, 1]:
        return [extents[1], extents[0]]
    return extents[::-1]


def header(tensors: dict[str, Shape]) -> bytes:
    """The safetensors header: a length, then JSON padded to eight bytes."""
    entries, offset = {}, 0
    for name, extents in tensors.items():
        size = 2 * prod(extents)
        entries[name] = {
            "dtype": "F16",
            "shape": shape(name, extents),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def noise(generator: random.Random) -> list[float]:
    """Standard normal numbers, to be scaled for each tensor."""
    return [generator.gauss(0.0, 1.0) for _ in range(POOL)]


def values(name: str, extents: Shape, pool: list[float]) -> bytes:
    """A tensor's numbers: biases nothing, norms one, else noise that keeps the signal's scale."""
    count = prod(extents)
    dimensions = shape(name, extents)
    if name.endswith(".bias"):
        return bytes(2 * count)
    if len(dimensions) == 1:
        return HALF_ONE * count
    scale = max(1.0, float(prod(dimensions[1:]))) ** -0.5
    block = struct.pack(f"<{POOL}e", *(number * scale for number in pool))
    return (block * (count // POOL + 1))[: 2 * count]


def main(out: Path) -> None:
    tensors: dict[str, Shape] = json.loads(gzip.decompress(MANIFEST.read_bytes()))
    pool = noise(random.Random(0))
    with out.open("wb") as file:
        file.write(header(tensors))
        for name, extents in tensors.items():
            file.write(values(name, extents, pool))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
