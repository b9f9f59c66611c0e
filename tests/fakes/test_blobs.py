import pytest

from imagewright.core.errors import StorageFull, Unavailable
from imagewright.ports.blobs import Blobs
from tests.contracts.blobs import OWNER, SIDECAR, BlobsContract, name
from tests.fakes.blobs import MemoryBlobs


class TestMemoryBlobs(BlobsContract):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs()


class TestFullMemoryBlobs(BlobsContract):
    full = True

    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs(full=True)


async def test_a_full_fake_keeps_what_is_put_until_it_settles() -> None:
    blobs = MemoryBlobs(full=True)
    with pytest.raises(StorageFull):
        await blobs.room()
    stored = await blobs.put(OWNER, name(), b"x", SIDECAR)
    assert await blobs.settle() == 0
    assert await blobs.get(OWNER, stored.path) == b"x"
    blobs.full = False
    assert await blobs.settle() == 1


async def test_a_brimming_fake_keeps_nothing() -> None:
    with pytest.raises(StorageFull):
        await MemoryBlobs(brimming=True).put(OWNER, name(), b"x", SIDECAR)


async def test_a_fake_that_is_down_says_so() -> None:
    with pytest.raises(Unavailable):
        await MemoryBlobs(down=True).ping()
