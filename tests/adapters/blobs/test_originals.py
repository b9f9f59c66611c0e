"""Originals taken out of a state directory, from wherever they are."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagewright.adapters.blobs.directory import Directory
from imagewright.adapters.blobs.originals import Fault, Originals, Wanted
from imagewright.adapters.blobs.place import Place
from imagewright.adapters.blobs.spool import Spool
from imagewright.adapters.blobs.store import LocalBlobsConfig, Store
from imagewright.core.filename import subject_directory
from imagewright.core.picture import Format
from imagewright.ports.blobs import BlobName

WHO = "user:olga@example.com"
DATA, NOTE = b"picture" * 100, b'{"id": "img_a"}'
NAME = BlobName(folder="", stem="fox", format=Format.PNG)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store.open(
        LocalBlobsConfig(
            root=tmp_path / "state",
            spool_bytes=8 << 20,
            ballast_bytes=1 << 20,
            max_picture_bytes=1 << 20,
        )
    )
    yield found
    found.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "subjects").mkdir()
    return tmp_path / "subjects"


@pytest.fixture
def originals(tmp_path: Path, store: Store, target: Path) -> Iterator[Originals]:
    with Directory.at(str(tmp_path / "state")) as state, Directory.at(str(target)) as subjects:
        yield Originals(state, subjects)


def wanted(path: str = "images/fox.png", data: bytes = DATA) -> Wanted:
    sha256 = hashlib.sha256(data).hexdigest()
    return Wanted(id="img_a", subject=WHO, path=path, sha256=sha256, bytes=len(data))


def there(target: Path) -> dict[str, bytes]:
    below = target / subject_directory(WHO) / "images"
    return {str(each.relative_to(below)): each.read_bytes() for each in below.rglob("*.*")}


def test_one_on_the_shelf_is_linked_with_its_sidecar(
    tmp_path: Path, store: Store, originals: Originals, target: Path
) -> None:
    store.put(WHO, NAME, DATA, NOTE)
    assert originals.take(wanted()) is None
    assert there(target) == {"fox.png": DATA, "fox.json": NOTE}
    live = tmp_path / "state/subjects" / wanted().name
    assert live.stat().st_ino == (target / wanted().name).stat().st_ino


@pytest.fixture
def beyond(tmp_path: Path) -> Iterator[Path]:
    """A directory of another file system than the state's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        assert Path(directory).stat().st_dev != tmp_path.stat().st_dev
        (Path(directory) / "subjects").mkdir()
        yield Path(directory)


def test_on_another_file_system_it_is_copied(tmp_path: Path, store: Store, beyond: Path) -> None:
    store.put(WHO, NAME, DATA, NOTE)
    with (
        Directory.at(str(tmp_path / "state")) as state,
        Directory.at(str(beyond / "subjects")) as subjects,
    ):
        assert Originals(state, subjects).take(wanted()) is None
    assert there(beyond / "subjects") == {"fox.png": DATA, "fox.json": NOTE}


def earlier(place: Path, data: bytes) -> Path:
    """An earlier backup's `subjects`, with these bytes in the original's place."""
    found = place / "earlier" / wanted().name
    found.parent.mkdir(parents=True)
    found.write_bytes(data)
    return place / "earlier"


@pytest.mark.parametrize("had", [DATA, b"other bytes", None])
def test_on_another_file_system_what_an_earlier_backup_has_is_linked(
    tmp_path: Path, store: Store, beyond: Path, had: bytes | None
) -> None:
    target = beyond / "subjects"
    before = earlier(beyond, had or DATA)
    if had is None:
        shutil.rmtree(before / subject_directory(WHO))
    store.put(WHO, NAME, DATA, NOTE)
    with (
        Directory.at(str(tmp_path / "state")) as state,
        Directory.at(str(target)) as subjects,
        Directory.at(str(before)) as had_before,
    ):
        assert Originals(state, subjects, had_before).take(wanted()) is None
    assert there(target) == {"fox.png": DATA, "fox.json": NOTE}
    assert (target / wanted().name).stat().st_nlink == (2 if had == DATA else 1)
    if had is not None:
        assert (before / wanted().name).read_bytes() == had


def test_a_link_in_an_earlier_backup_is_not_followed(
    tmp_path: Path, store: Store, beyond: Path
) -> None:
    target, before = beyond / "subjects", earlier(beyond, DATA)
    (beyond / "secret").write_bytes(DATA)
    (before / wanted().name).unlink()
    (before / wanted().name).symlink_to(beyond / "secret")
    store.put(WHO, NAME, DATA, NOTE)
    with (
        Directory.at(str(tmp_path / "state")) as state,
        Directory.at(str(target)) as subjects,
        Directory.at(str(before)) as had_before,
    ):
        assert Originals(state, subjects, had_before).take(wanted()) is None
    assert not (target / wanted().name).is_symlink()
    assert there(target)["fox.png"] == DATA


def test_one_that_waits_for_room_is_taken_from_the_spool(
    tmp_path: Path, originals: Originals, target: Path
) -> None:
    with Directory.at(str(tmp_path / "state/reserve")) as reserve:
        spool = Spool.open(reserve, 8 << 20)
        place = Place.parse("images/deep/fox.png")
        spool.add(subject_directory(WHO), place, DATA, NOTE)
        spool.close()
    assert originals.take(wanted("images/deep/fox.png")) is None
    assert there(target) == {"deep/fox.png": DATA, "deep/fox.json": NOTE}


@pytest.mark.parametrize("path", ["images/none.png", "images/../../../key", "nonsense"])
def test_one_that_is_nowhere_is_missing(originals: Originals, target: Path, path: str) -> None:
    assert originals.take(wanted(path)) is Fault.MISSING
    assert there(target) == {}


def test_one_that_is_not_as_its_row_says_is_damaged_and_not_kept(
    store: Store, originals: Originals, target: Path
) -> None:
    store.put(WHO, NAME, DATA, NOTE)
    assert originals.take(wanted(data=b"another")) is Fault.DAMAGED
    assert there(target) == {}


def test_a_link_in_its_place_is_not_followed(
    tmp_path: Path, store: Store, originals: Originals, target: Path
) -> None:
    store.put(WHO, NAME, DATA, NOTE)
    live = tmp_path / "state/subjects" / wanted().name
    live.unlink()
    (tmp_path / "secret").write_bytes(DATA)
    live.symlink_to(tmp_path / "secret")
    assert originals.take(wanted()) is not None
    assert there(target) == {}


def test_one_that_was_deleted_meanwhile_is_dropped(
    store: Store, originals: Originals, target: Path
) -> None:
    store.put(WHO, NAME, DATA, NOTE)
    originals.take(wanted())
    originals.drop(wanted())
    assert there(target) == {}
    assert store.get(WHO, "images/fox.png") == DATA


def test_without_a_sidecar_the_original_is_taken(
    tmp_path: Path, store: Store, originals: Originals, target: Path
) -> None:
    store.put(WHO, NAME, DATA, NOTE)
    (tmp_path / "state/subjects" / wanted().name).with_suffix(".json").unlink()
    assert originals.take(wanted()) is None
    assert there(target) == {"fox.png": DATA}
