from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagewright.adapters.blobs.local import LocalBlobs, LocalBlobsConfig
from tests.contracts.blobs import BlobsContract

MIB = 1 << 20


def small(root: Path) -> LocalBlobsConfig:
    return LocalBlobsConfig(
        root=root,
        spool_bytes=4 * MIB,
        ballast_bytes=2 * MIB,
        max_picture_bytes=1 * MIB,
        patience=0.0,
    )


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(small(tmp_path / "state"))
    await blobs.open()
    yield blobs
    await blobs.close()


class TestLocalBlobs(BlobsContract):
    pass
