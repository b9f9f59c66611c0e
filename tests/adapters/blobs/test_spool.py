"""The file behind a full disk: torn, forged, fragmented."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagewright.adapters.blobs.directory import Directory
from imagewright.adapters.blobs.place import Place
from imagewright.adapters.blobs.spool import PAGE, Spool, smallest, table_pages
from imagewright.core.errors import StorageFull, Unavailable

MIB = 1 << 20
AREA = (1 + table_pages(MIB)) * PAGE


def place(stem: str) -> Place:
    return Place((), stem, "png")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Directory.at(str(tmp_path)) as directory:
        yield directory


def reopened(directory: Directory, spool: Spool) -> Spool:
    spool.close()
    return Spool.open(directory, MIB)


def overwrite(tmp_path: Path, start: int, data: bytes) -> None:
    with (tmp_path / "spool").open("r+b") as file:
        file.seek(start)
        file.write(data)


def test_records_outlive_the_process(directory: Directory) -> None:
    spool = Spool.open(directory, MIB)
    spool.add("alice", place("a"), b"one", b"note")
    spool.add("bob", place("a"), b"two", b"")
    spool.add("bob", place("empty"), b"", b"")
    spool.drop("alice", "images/never.png")
    spool = reopened(directory, spool)
    assert spool.read("alice", "images/a.png") == (b"one", b"note")
    assert spool.read("bob", "images/a.png") == (b"two", b"")
    assert spool.read("bob", "images/empty.png") == (b"", b"")
    assert spool.read("alice", "images/empty.png") is None
    spool.drop("bob", "images/a.png")
    spool = reopened(directory, spool)
    assert [entry.owner for entry in spool.waiting()] == ["alice", "bob"]
    assert spool.read("bob", "images/a.png") is None
    spool.close()


def test_a_torn_record_is_free_space(directory: Directory, tmp_path: Path) -> None:
    spool = Spool.open(directory, MIB)
    for stem in ("first", "bytes-torn", "entry-torn"):
        spool.add("alice", place(stem), stem.encode() * 100, b"note")
    torn = {entry.path: entry for entry in spool.waiting()}["images/bytes-torn.png"]
    overwrite(tmp_path, torn.start + 10, b"????")
    overwrite(tmp_path, 3 * PAGE + 50, b"????")
    spool = reopened(directory, spool)
    assert [entry.path for entry in spool.waiting()] == ["images/first.png"]
    spool.add("alice", place("again"), b"x", b"")
    spool = reopened(directory, spool)
    assert spool.read("alice", "images/again.png") == (b"x", b"")
    assert spool.read("alice", "images/first.png") == (b"first" * 100, b"note")
    spool.close()


def test_a_picture_cannot_pass_for_a_record(directory: Directory, tmp_path: Path) -> None:
    spool = Spool.open(directory, MIB)
    spool.add("alice", place("real"), b"x", b"")
    table = (tmp_path / "spool").read_bytes()[PAGE:AREA]
    spool.add("mallory", place("forged"), table * 3, b"")
    spool.drop("alice", "images/real.png")
    spool = reopened(directory, spool)
    assert [entry.owner for entry in spool.waiting()] == ["mallory"]
    spool.drop("mallory", "images/forged.png")
    spool = reopened(directory, spool)
    assert spool.waiting() == []
    spool.close()


def test_gaps_are_used_again_and_nothing_grows(directory: Directory, tmp_path: Path) -> None:
    spool = Spool.open(directory, MIB)
    third = (MIB - AREA) // 3
    for stem in "abc":
        spool.add("alice", place(stem), stem.encode() * third, b"")
    assert not spool.fits(3)
    with pytest.raises(StorageFull):
        spool.add("alice", place("d"), bytes(3), b"")
    spool.drop("alice", "images/b.png")
    assert spool.fits(third)
    assert not spool.fits(third + 3)
    spool.add("alice", place("d"), b"d" * (third - 4), b"note")
    for stem in "ac":
        assert spool.read("alice", f"images/{stem}.png") == (stem.encode() * third, b"")
    assert (tmp_path / "spool").stat().st_size == MIB
    spool.close()


def test_the_table_is_a_limit_too(directory: Directory) -> None:
    spool = Spool.open(directory, MIB)
    for number in range(table_pages(MIB)):
        spool.add("alice", place(f"n{number}"), b"x", b"")
    assert not spool.fits(1)
    with pytest.raises(StorageFull):
        spool.add("alice", place("more"), b"x", b"")
    spool.close()


def test_a_path_longer_than_a_page_is_refused(directory: Directory) -> None:
    spool = Spool.open(directory, MIB)
    with pytest.raises(StorageFull, match="too long"):
        spool.add("alice", Place(("f" * 255,) * 16, "a", "png"), b"x", b"")
    assert spool.waiting() == []
    spool.close()


def test_names_blind_to_case_are_one(directory: Directory) -> None:
    spool = Spool.open(directory, MIB)
    assert not spool.takes("alice", place("Cat"))
    spool.add("alice", place("Cat"), b"x", b"")
    assert spool.takes("alice", Place((), "cAT", "webp"))
    assert not spool.takes("alice", Place(("f",), "cat", "png"))
    assert not spool.takes("bob", place("Cat"))
    assert spool.holds("alice", "images/Cat.png")
    assert not spool.holds("alice", "images/cat.png")
    spool.close()


@pytest.mark.parametrize(
    "head", [b"", b"something else", b"imagewright spool 1\nx\n", b"imagewright spool 1\n9\n"]
)
def test_a_file_that_is_no_spool_is_left_alone(
    directory: Directory, tmp_path: Path, head: bytes
) -> None:
    (tmp_path / "spool").write_bytes(head)
    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(Unavailable, match="damaged"):
        Spool.open(directory, MIB)
    assert (tmp_path / "spool").read_bytes() == head
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_damage_shows_when_the_store_is_asked(directory: Directory) -> None:
    spool = Spool.open(directory, MIB)
    spool.prove()
    spool.close()
    with pytest.raises(OSError, match="descriptor"):
        spool.prove()


def test_a_planted_link_is_no_spool(directory: Directory, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(os.urandom(PAGE))
    (tmp_path / "spool").symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        Spool.open(directory, MIB)


@pytest.mark.parametrize("picture", [1, 100_000, 10 * MIB, 50 * MIB, 500 * MIB])
def test_the_smallest_spool_holds_its_picture(picture: int) -> None:
    size = smallest(picture)
    assert size - (1 + table_pages(size)) * PAGE >= picture
    assert size <= picture + 257 * PAGE
