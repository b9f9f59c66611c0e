"""The contract on a real disk, and what is this adapter's own."""

import asyncio
import contextlib
import dataclasses
import itertools
import os
import stat
import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagewright.adapters.blobs.local import LocalBlobs, LocalBlobsConfig
from imagewright.adapters.blobs.store import Store
from imagewright.core.errors import InvalidRequest, NotFound, StorageFull, Unavailable
from imagewright.core.filename import check_folder, check_name, subject_directory
from imagewright.core.picture import Format
from imagewright.ports.blobs import BlobName
from tests.adapters.blobs.conftest import MIB, opened, small
from tests.contracts.blobs import OWNER, SIDECAR, STRANGER, BlobsContract, listed, name

SUBJECT = Path("subjects") / subject_directory(OWNER)


class TestLocalBlobs(BlobsContract):
    pass


async def test_files_lie_where_the_product_says(blobs: LocalBlobs, tmp_path: Path) -> None:
    stored = await blobs.put(OWNER, name(folder="pets"), b"cat", SIDECAR)
    file = tmp_path / "state" / SUBJECT / "images" / "pets" / "cat.png"
    assert blobs.local_path(OWNER, stored.path) == str(file)
    assert file.read_bytes() == b"cat"
    assert file.with_suffix(".json").read_bytes() == SIDECAR
    assert not list((tmp_path / "state" / "staging").iterdir())


async def test_only_the_owner_can_open_anything(blobs: LocalBlobs, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await blobs.put(OWNER, name(folder="a/b"), b"cat", SIDECAR)
        await blobs.put_preview(OWNER, "img_a1", b"cat")
    finally:
        os.umask(before)
    for path in (tmp_path / "state").rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


async def test_what_is_set_aside_is_really_there(blobs: LocalBlobs, tmp_path: Path) -> None:
    for file, size in (("spool", 4 * MIB), ("ballast", 2 * MIB)):
        found = (tmp_path / "state" / "reserve" / file).stat()
        assert found.st_size == size
        assert found.st_blocks * 512 >= size


NAMES = st.text(max_size=60) | st.text("aA\u00e4\u0308.-_ ", max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    folder=NAMES | st.lists(NAMES, max_size=4).map("/".join),
    stem=NAMES,
    form=st.sampled_from(Format),
)
def test_any_accepted_name_holds_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, folder: str, stem: str, form: Format
) -> None:
    root = tmp_path_factory.getbasetemp() / "any-name"
    store = Store.open(small(root))
    try:
        wanted = BlobName(folder=check_folder(folder), stem=check_name(stem), format=form)
        stored = store.put(OWNER, wanted, f"{folder}/{stem}".encode("utf-8", "replace"), SIDECAR)
        assert store.get(OWNER, stored.path) == f"{folder}/{stem}".encode("utf-8", "replace")
        assert stored.path in store.paths(OWNER)
        real = Path(store.local_path(OWNER, stored.path) or "").resolve()
        assert real.is_relative_to((root / SUBJECT / "images").resolve())
    except InvalidRequest:
        pass
    finally:
        store.close()


async def test_two_spellings_of_a_name_are_two_files(blobs: LocalBlobs) -> None:
    stems = [check_name(unicodedata.normalize(form, "K\u00f6ln")) for form in ("NFC", "NFD")]
    first, second = [await blobs.put(OWNER, name(stem), b"x", SIDECAR) for stem in stems]
    assert (first.path, second.path) == ("images/K\u00f6ln.png", "images/K\u00f6ln-2.png")


async def test_the_longest_names_fit(blobs: LocalBlobs) -> None:
    folder = "/".join("\u00fc" * 60 for _ in range(8))
    for _ in range(3):
        stored = await blobs.put(OWNER, name("\u00e4" * 60, folder=folder), b"x", SIDECAR)
        assert await blobs.get(OWNER, stored.path) == b"x"


@pytest.mark.parametrize("planted", ["subject", "images", "images/pets", "images/pets/cat.png"])
async def test_a_planted_link_is_never_followed(
    blobs: LocalBlobs, tmp_path: Path, planted: str
) -> None:
    outside = tmp_path / "outside"
    (outside / "images" / "pets").mkdir(parents=True)
    (outside / "pets").mkdir()
    for place in ("images/pets/cat.png", "pets/cat.png", "cat.png"):
        (outside / place).write_bytes(b"secret")
    link = tmp_path / "state" / SUBJECT / ("" if planted == "subject" else planted)
    link.parent.mkdir(parents=True, exist_ok=True)
    target = outside / "cat.png" if planted.endswith("png") else outside
    link.symlink_to(target)
    before = sorted(outside.rglob("*"))
    with pytest.raises(NotFound):
        await blobs.get(OWNER, "images/pets/cat.png")
    assert await listed(blobs, OWNER) == []
    await blobs.put_preview(OWNER, "img_a1", b"x")
    stored = await blobs.put(OWNER, name(folder="pets"), b"mine", SIDECAR)
    assert await blobs.get(OWNER, stored.path) == b"mine"
    await blobs.delete(OWNER, "images/pets/cat.png")
    await blobs.settle()
    assert sorted(outside.rglob("*")) == before
    assert target.is_dir() or target.read_bytes() == b"secret"


async def test_a_picture_whose_place_is_blocked_waits(blobs: LocalBlobs, tmp_path: Path) -> None:
    images = tmp_path / "state" / SUBJECT / "images"
    images.parent.mkdir(parents=True)
    images.symlink_to(tmp_path)
    stored = await blobs.put(OWNER, name(), b"mine", SIDECAR)
    assert await blobs.settle() == 0
    assert await blobs.get(OWNER, stored.path) == b"mine"
    await blobs.room()
    images.unlink()
    assert await blobs.settle() == 1
    assert (tmp_path / "state" / SUBJECT / stored.path).read_bytes() == b"mine"


async def test_a_place_taken_meanwhile_is_left_alone(blobs: LocalBlobs, tmp_path: Path) -> None:
    images = tmp_path / "state" / SUBJECT / "images"
    images.parent.mkdir(parents=True)
    images.symlink_to(tmp_path)
    stored = await blobs.put(OWNER, name(), b"mine", SIDECAR)
    images.unlink()
    images.mkdir()
    taken = images.parent / stored.path
    taken.write_bytes(b"another's")
    assert await blobs.settle() == 0
    assert await blobs.get(OWNER, stored.path) == b"mine"
    taken.write_bytes(b"mine")
    assert await blobs.settle() == 1
    assert await listed(blobs, OWNER) == [stored.path]


async def test_a_folder_that_was_away_comes_back(blobs: LocalBlobs, tmp_path: Path) -> None:
    first = await blobs.put(OWNER, name(), b"first", SIDECAR)
    images = tmp_path / "state" / SUBJECT / "images"
    away = images.rename(tmp_path / "away")
    images.symlink_to(away)
    second = await blobs.put(OWNER, name(), b"second", SIDECAR)
    assert second.path != first.path
    images.unlink()
    away.rename(images)
    assert await blobs.settle() == 1
    assert await blobs.get(OWNER, first.path) == b"first"
    assert await blobs.get(OWNER, second.path) == b"second"


async def test_links_that_change_while_pictures_arrive(blobs: LocalBlobs, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    images = tmp_path / "state" / SUBJECT / "images"
    (images / "pets").mkdir(parents=True)
    done = threading.Event()

    def swap() -> int:
        for turn in itertools.count():
            if done.is_set():
                return turn
            # Pictures may make the folder anew at any moment; then this turn plants nothing.
            with contextlib.suppress(OSError):
                (images / "pets").rename(images / f"aside-{turn}")
                (images / "pets").symlink_to(outside)
            with contextlib.suppress(OSError):
                (images / "pets").unlink()
        return 0

    swapping = asyncio.ensure_future(asyncio.to_thread(swap))
    try:
        for number in range(100):
            # The spool is small here: with every record blocked, it says so.
            with contextlib.suppress(StorageFull, Unavailable):
                await blobs.put(OWNER, name(folder="pets"), b"%d" % number, SIDECAR)
    finally:
        done.set()
    assert await swapping > 100
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["directory", "fifo", "broken link"])
async def test_only_regular_files_are_pictures(
    blobs: LocalBlobs, tmp_path: Path, kind: str
) -> None:
    images = tmp_path / "state" / SUBJECT / "images"
    images.mkdir(parents=True)
    odd = images / "cat.png"
    if kind == "directory":
        odd.mkdir()
    elif kind == "fifo":
        os.mkfifo(odd)
    else:
        odd.symlink_to("nowhere")
    with pytest.raises(NotFound):
        await blobs.get(OWNER, "images/cat.png")
    assert await listed(blobs, OWNER) == []
    assert (await blobs.put(OWNER, name(), b"x", SIDECAR)).path == "images/cat-2.png"


async def test_a_sidecar_left_alone_gives_its_name_up(blobs: LocalBlobs, tmp_path: Path) -> None:
    images = tmp_path / "state" / SUBJECT / "images"
    images.mkdir(parents=True)
    (images / "cat.json").write_bytes(b"of a put that a crash ended")
    (images / "dog.json").mkdir()
    assert await listed(blobs, OWNER) == []
    assert (await blobs.put(OWNER, name(), b"x", SIDECAR)).path == "images/cat.png"
    assert (images / "cat.json").read_bytes() == SIDECAR
    assert (await blobs.put(OWNER, name("dog"), b"x", SIDECAR)).path == "images/dog-2.png"


async def test_what_others_put_beside_is_not_listed(blobs: LocalBlobs, tmp_path: Path) -> None:
    images = tmp_path / "state" / SUBJECT / "images"
    images.mkdir(parents=True)
    for odd in ("notes.txt", ".hidden.png", "cat.json"):
        (images / odd).touch()
    (images / os.fsdecode(b"\xff.png")).touch()
    deep = images.joinpath(*"abcdefghijklmnopqrst")
    deep.mkdir(parents=True)
    (deep / "cat.png").touch()
    assert await listed(blobs, OWNER) == []


async def test_one_process_owns_the_directory(blobs: LocalBlobs, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Another process"):
        await LocalBlobs(small(tmp_path / "state")).open()
    await blobs.ping()


async def test_a_successor_waits_for_its_predecessor(tmp_path: Path) -> None:
    first = LocalBlobs(small(tmp_path))
    await first.open()
    second = LocalBlobs(dataclasses.replace(small(tmp_path), patience=10.0))
    opening = asyncio.ensure_future(second.open())
    await asyncio.sleep(0.2)
    assert not opening.done()
    await first.close()
    await opening
    await second.ping()
    await second.close()


async def test_an_opening_that_is_cancelled_lets_go(tmp_path: Path) -> None:
    patient = dataclasses.replace(small(tmp_path), patience=10.0)
    before = open_files()
    async with opened(small(tmp_path)):
        opening = asyncio.ensure_future(LocalBlobs(patient).open())
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    # The thread that was waiting for the lock gets it now, and gives it back by itself.
    async with opened(patient) as blobs:
        await blobs.ping()
    async with asyncio.timeout(10):
        while open_files() != before:  # noqa: ASYNC110 - a descriptor tells nobody
            await asyncio.sleep(0.02)


async def test_leftovers_of_a_crash_are_swept(tmp_path: Path) -> None:
    async with opened(small(tmp_path)):
        pass
    (tmp_path / "staging" / "half").write_bytes(b"ha")
    (tmp_path / "reserve" / "ballast").unlink()
    (tmp_path / "reserve" / "ballast.new").write_bytes(b"ha")
    async with opened(small(tmp_path)) as blobs:
        assert list((tmp_path / "staging").iterdir()) == []
        assert not (tmp_path / "reserve" / "ballast.new").exists()
        await blobs.room()


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
@pytest.mark.parametrize("place", ["", "subjects", "staging", "reserve"])
async def test_a_directory_that_others_can_write_is_refused(
    tmp_path: Path, mode: int, place: str
) -> None:
    async with opened(small(tmp_path / "state")):
        pass
    (tmp_path / "state" / place).chmod(mode)
    with pytest.raises(Unavailable, match="written by other users"):
        await LocalBlobs(small(tmp_path / "state")).open()


async def test_somebody_elses_directory_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT PROVEN HERE: giving a directory away needs root")
    root = tmp_path / "state"
    root.mkdir(mode=0o700)
    os.chown(root, 65534, 65534)
    with pytest.raises(Unavailable, match="belongs to another user"):
        await LocalBlobs(small(root)).open()


async def test_a_file_is_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(Unavailable, match="cannot be used"):
        await LocalBlobs(small(tmp_path / "state")).open()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    blobs = LocalBlobs(small(tmp_path))
    with pytest.raises(Unavailable, match="closed"):
        await blobs.ping()
    await blobs.open()
    await blobs.close()
    await blobs.close()
    with pytest.raises(Unavailable, match="closed"):
        await blobs.get(OWNER, "images/cat.png")


async def test_close_waits_for_what_has_begun(tmp_path: Path) -> None:
    blobs = LocalBlobs(small(tmp_path))
    await blobs.open()
    puts = [asyncio.ensure_future(blobs.put(OWNER, name(), bytes(MIB), SIDECAR)) for _ in range(8)]
    await asyncio.sleep(0)
    await blobs.close()
    stored = await asyncio.gather(*puts)
    async with opened(small(tmp_path)) as blobs:
        assert await listed(blobs, OWNER) == sorted(one.path for one in stored)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = open_files()
    async with opened(small(tmp_path)) as blobs:
        held = open_files()
        for _ in range(5):
            stored = await blobs.put(OWNER, name(folder="a/b"), b"x", SIDECAR)
            await blobs.get(OWNER, stored.path)
            await blobs.put_preview(OWNER, "img_a1", b"x")
            await blobs.get_preview(STRANGER, "img_a1")
            await listed(blobs, OWNER)
            await blobs.delete(OWNER, stored.path)
            with pytest.raises(NotFound):
                await blobs.get(STRANGER, "images/a/cat.png")
        assert open_files() == held
    assert open_files() == before


@pytest.mark.parametrize(("spool", "ballast"), [(MIB, MIB), (64 * MIB, MIB - 1)])
def test_a_reserve_that_holds_nothing_is_refused(tmp_path: Path, spool: int, ballast: int) -> None:
    with pytest.raises(ValueError, match="_bytes is less than"):
        LocalBlobsConfig(root=tmp_path, spool_bytes=spool, ballast_bytes=ballast)
