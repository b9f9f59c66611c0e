import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from imagewright.adapters.blobs.local import LocalBlobs, LocalBlobsConfig

MIB = 1 << 20


def small(root: Path) -> LocalBlobsConfig:
    """What the tests set aside, so that they write little."""
    return LocalBlobsConfig(
        root=root,
        spool_bytes=4 * MIB,
        ballast_bytes=2 * MIB,
        max_picture_bytes=1 * MIB,
        patience=0.0,
    )


@contextlib.asynccontextmanager
async def opened(config: LocalBlobsConfig) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(config)
    await blobs.open()
    try:
        yield blobs
    finally:
        await blobs.close()


class Disk:
    """A file system of 16 MiB that a test can fill to its last byte."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"

    def fill(self, *, leave: int = 0) -> None:
        with (self.root / "fill").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 16, 1 << 12):
                while self.free() - leave >= size:
                    file.write(bytes(size))

    def clear(self) -> None:
        (self.root / "fill").unlink()

    def free(self) -> int:
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("NOT PROVEN HERE: the full disk needs root, to mount a small tmpfs")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=16m,mode=700", "imagewright-test", str(root)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"NOT PROVEN HERE: no tmpfs for the full disk: {done.stderr.strip()}")
    try:
        yield Disk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    async with opened(small(tmp_path / "state")) as blobs:
        yield blobs
