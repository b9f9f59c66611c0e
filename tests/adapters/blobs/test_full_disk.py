"""The disk is full while paid pictures arrive."""

import hashlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagewright.adapters.blobs.local import LocalBlobs, LocalBlobsConfig
from imagewright.core.errors import NotFound, StorageFull
from imagewright.ports.blobs import Blobs, Stored
from tests.adapters.blobs.conftest import MIB, Disk, opened, small
from tests.contracts.blobs import OWNER, SIDECAR, STRANGER, BlobsContract, listed, name

PICTURES = [random.Random(seed).randbytes(900_000) for seed in range(3)]


@pytest.fixture
async def blobs(disk: Disk) -> AsyncIterator[LocalBlobs]:
    async with opened(small(disk.state)) as blobs:
        yield blobs


async def put_all(blobs: LocalBlobs) -> list[Stored]:
    return [await blobs.put(OWNER, name(folder="pets"), data, SIDECAR) for data in PICTURES]


async def check_all(blobs: LocalBlobs, stored: list[Stored]) -> None:
    for one, data in zip(stored, PICTURES, strict=True):
        assert await blobs.get(OWNER, one.path) == data
        assert one.sha256 == hashlib.sha256(data).hexdigest()
    assert await listed(blobs, OWNER) == sorted(one.path for one in stored)


async def test_pictures_and_books_fit_on_a_full_disk(blobs: LocalBlobs, disk: Disk) -> None:
    disk.fill()
    assert disk.free() == 0
    stored = await put_all(blobs)
    assert [one.path for one in stored] == [
        "images/pets/cat.png",
        "images/pets/cat-2.png",
        "images/pets/cat-3.png",
    ]
    await check_all(blobs, stored)
    with (disk.root / "books").open("wb") as books:
        books.write(bytes(MIB))
        os.fsync(books.fileno())
    with pytest.raises(StorageFull):
        await blobs.room()
    assert blobs.local_path(OWNER, stored[0].path) is None
    await blobs.ping()


async def test_what_waits_moves_when_there_is_room(blobs: LocalBlobs, disk: Disk) -> None:
    disk.fill()
    stored = await put_all(blobs)
    assert await blobs.settle() == 0
    disk.clear()
    # The ballast is still gone: the room belongs to the books until settle says otherwise.
    with pytest.raises(StorageFull):
        await blobs.room()
    assert await blobs.settle() == 3
    await check_all(blobs, stored)
    for one, data in zip(stored, PICTURES, strict=True):
        file = Path(blobs.local_path(OWNER, one.path) or "")
        assert file.read_bytes() == data
        assert file.with_suffix(".json").read_bytes() == SIDECAR
    ballast = disk.state / "reserve" / "ballast"
    assert ballast.stat().st_blocks * 512 >= 2 * MIB
    await blobs.room()
    assert await blobs.settle() == 0


async def test_a_restart_on_a_full_disk_finds_what_waits(disk: Disk) -> None:
    async with opened(small(disk.state)) as blobs:
        disk.fill()
        stored = await put_all(blobs)
        disk.fill()
    async with opened(small(disk.state)) as blobs:
        await check_all(blobs, stored)
        with pytest.raises(StorageFull):
            await blobs.room()
    disk.clear()
    async with opened(small(disk.state)) as blobs:
        assert blobs.local_path(OWNER, stored[0].path) is not None
        await check_all(blobs, stored)
        await blobs.room()


async def test_a_picture_that_waits_is_deleted_for_good(disk: Disk) -> None:
    async with opened(small(disk.state)) as blobs:
        disk.fill()
        stored = await put_all(blobs)
        disk.fill()
        with pytest.raises(NotFound):
            await blobs.get(STRANGER, stored[1].path)
        await blobs.delete(STRANGER, stored[1].path)
        assert await blobs.get(OWNER, stored[1].path) == PICTURES[1]
        await blobs.delete(OWNER, stored[1].path)
    async with opened(small(disk.state)) as blobs:
        with pytest.raises(NotFound):
            await blobs.get(OWNER, stored[1].path)
        disk.clear()
        assert await blobs.settle() == 2
        assert await listed(blobs, OWNER) == [stored[2].path, stored[0].path]


async def test_space_of_moved_pictures_is_used_again(blobs: LocalBlobs, disk: Disk) -> None:
    for _ in range(4):
        disk.fill()
        stored = await put_all(blobs)
        for one in stored:
            await blobs.delete(OWNER, one.path)
    disk.fill()
    await check_all(blobs, await put_all(blobs))


async def test_only_both_spaces_used_up_refuse_a_picture(blobs: LocalBlobs, disk: Disk) -> None:
    disk.fill()
    kept: list[Stored] = []
    with pytest.raises(StorageFull):  # noqa: PT012 - the loop ends with the refusal
        while len(kept) < 20:
            disk.fill(leave=2 * MIB)
            kept.append(await blobs.put(OWNER, name(), PICTURES[0], SIDECAR))
    # Four MiB of spool, then the two of the ballast.
    assert len(kept) >= 5
    for one in kept:
        assert await blobs.get(OWNER, one.path) == PICTURES[0]
    staging = disk.state / "staging"
    assert list(staging.iterdir()) == []


async def test_a_disk_that_is_nearly_full_takes_no_work(blobs: LocalBlobs, disk: Disk) -> None:
    disk.fill(leave=MIB // 2)
    with pytest.raises(StorageFull):
        await blobs.room()
    disk.clear()
    await blobs.room()


async def test_previews_leave_the_last_room_to_others(blobs: LocalBlobs, disk: Disk) -> None:
    disk.fill()
    await blobs.put_preview(OWNER, "img_a1", bytes(100_000))
    assert await blobs.get_preview(OWNER, "img_a1") is None
    await blobs.put(OWNER, name(), PICTURES[0], SIDECAR)
    assert disk.free() > MIB
    await blobs.put_preview(OWNER, "img_a1", bytes(100_000))
    assert await blobs.get_preview(OWNER, "img_a1") is None


async def test_a_disk_without_room_for_the_reserve_is_refused(disk: Disk) -> None:
    disk.fill(leave=MIB)
    with pytest.raises(StorageFull, match="set aside"):
        await LocalBlobs(small(disk.state)).open()
    assert not list((disk.state / "reserve").glob("spool*"))


async def test_a_spool_of_another_size_is_remade_when_nothing_waits(disk: Disk) -> None:
    wider = LocalBlobsConfig(
        root=disk.state, spool_bytes=6 * MIB, ballast_bytes=MIB, max_picture_bytes=MIB
    )
    spool, ballast = disk.state / "reserve" / "spool", disk.state / "reserve" / "ballast"
    async with opened(small(disk.state)) as blobs:
        disk.fill()
        stored = await put_all(blobs)
        disk.fill()
    async with opened(wider) as blobs:
        assert spool.stat().st_size == 4 * MIB
        await check_all(blobs, stored)
        disk.clear()
        await blobs.settle()
    disk.fill()
    async with opened(wider):
        assert spool.stat().st_size == 4 * MIB
    disk.clear()
    async with opened(wider) as blobs:
        assert spool.stat().st_size == 6 * MIB
        assert ballast.stat().st_size == MIB
        await check_all(blobs, stored)


class TestFullDiskKeepsTheContract(BlobsContract):
    full = True

    @pytest.fixture
    async def blobs(self, disk: Disk) -> AsyncIterator[Blobs]:
        async with opened(small(disk.state)) as blobs:
            disk.fill()
            yield blobs
