"""Puts pictures until it is killed, and says each that is stored in one line of JSON.

Run as `python -m tests.adapters.blobs.killed <root> <seed>`. A link comes and goes in the
way of one folder, so that part of the pictures wait in the spool and settle meanwhile.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
from pathlib import Path

from imagewright.adapters.blobs.local import LocalBlobs
from imagewright.core.errors import StorageFull, Unavailable
from imagewright.core.filename import subject_directory
from tests.adapters.blobs.conftest import small
from tests.contracts.blobs import OWNER, SIDECAR, name


def picture(seed: int, number: int) -> bytes:
    source = random.Random(seed * 100_000 + number)
    return source.randbytes(source.randrange(1, 100_000))


class Way:
    """A folder that is blocked by a link for a while, and then another one is."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._images = root / "subjects" / subject_directory(OWNER) / "images"
        self._images.mkdir(parents=True, exist_ok=True)
        self.folder = f"way-{seed}-0"

    async def block_and_settle(self, blobs: LocalBlobs) -> None:
        stem = self.folder.rpartition("-")[0]
        for turn in range(1, 100_000):
            link = self._images / f"{stem}-{turn}"
            link.symlink_to(self._root)
            self.folder = link.name
            await asyncio.sleep(0.01)
            link.unlink()
            await blobs.settle()

    def clear(self) -> None:
        for link in self._images.iterdir():
            if link.is_symlink():
                link.unlink()


async def put_on(blobs: LocalBlobs, way: Way, seed: int, lane: int) -> None:
    for number in range(lane, 100_000, 4):
        with contextlib.suppress(StorageFull, Unavailable):
            wanted = name(folder=f"plain-{number % 3}" if number % 3 else way.folder)
            stored = await blobs.put(OWNER, wanted, picture(seed, number), SIDECAR)
            os.write(1, json.dumps([stored.path, stored.sha256, number]).encode() + b"\n")


async def main(root: Path, seed: int) -> None:
    blobs = LocalBlobs(small(root))
    await blobs.open()
    way = Way(root, seed)
    os.write(1, b"open\n")
    await asyncio.gather(
        way.block_and_settle(blobs), *(put_on(blobs, way, seed, lane) for lane in range(4))
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
