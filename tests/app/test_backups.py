"""Backups that are refused or faulty, and states that nothing is restored into."""

import asyncio
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fastmcp import Client
from sqlalchemy import make_url

from imagewright.adapters.backups.manifest import Manifest
from imagewright.adapters.backups.sums import NAME as SUMS
from imagewright.adapters.backups.sums import sums, written
from imagewright.adapters.sql.dumps import dump
from imagewright.adapters.sql.snapshots import Source
from imagewright.app.backups import Made, Order, make_backup
from imagewright.app.restoring import restore_backup
from imagewright.core.errors import Fault, InvalidRequest, Unavailable
from tests.docs import facts
from tests.fakes.clock import HandClock

BY = "root"


async def draw(state: Path, *prompts: str) -> None:
    app = facts.app(state)
    async with app, Client(app.mcp) as client:
        for prompt in prompts:
            await client.call_tool("generate_image", {"prompt": prompt, "size": "64x64"})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with two images, to be copied."""
    state = tmp_path_factory.mktemp("drawn") / "state"
    asyncio.run(draw(state, "a fox", "a hen"))
    return state


@pytest.fixture
def state(tmp_path: Path, drawn: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "state"))


@pytest.fixture
def backup(tmp_path: Path, state: Path) -> Path:
    return make(state, tmp_path / "backup").directory


def make(state: Path, to: Path, **more: object) -> Made:
    return make_backup(facts.settings(state), replace(Order(to=to, by=BY), **more))  # type: ignore[arg-type]  # its own fields


def restore(backup: Path, state: Path, **more: object) -> None:
    restore_backup(facts.settings(state, **more), backup, by=BY)


def pictures(directory: Path) -> list[Path]:
    return sorted(directory.glob("subjects/*/images/*.png"))


def summed_again(backup: Path) -> None:
    """What somebody would write who changed a backup and knew how."""
    (backup / SUMS).write_bytes(written(sums(backup, {})))


def refused(backup: Path, state: Path, kind: type[Fault], words: str, **more: object) -> None:
    """Fail unless a restore is refused in these words, and leaves nothing but a lock."""
    with pytest.raises(kind, match=words):
        restore(backup, state, **more)
    left = [each.name for each in state.rglob("*") if each.is_file()] if state.exists() else []
    assert set(left) <= {"lock"}


def test_a_backup_restores_what_was_there(tmp_path: Path, state: Path, backup: Path) -> None:
    new = tmp_path / "new"
    restore(backup, new)
    assert [each.read_bytes() for each in pictures(new)] == [
        each.read_bytes() for each in pictures(state)
    ]
    assert (new / "master.key").read_bytes() == (state / "master.key").read_bytes()
    assert {each.name for each in new.iterdir()} == {
        "imagewright.db", "master.key", "reserve", "subjects",
    }  # fmt: skip
    with closing(sqlite3.connect(new / "imagewright.db")) as books:
        acts = books.execute(
            "SELECT action, thing, credential FROM audit WHERE action LIKE 'backup%'"
        ).fetchall()
    assert acts == [("backup_restore", "backup", BY)]
    asyncio.run(draw(new, "a goose"))
    assert len(pictures(new)) == 3


def test_a_backup_says_what_is_in_it_and_the_audit_who_made_it(state: Path, backup: Path) -> None:
    found = Manifest.read(backup)
    assert (found.images, found.database, found.key, found.faulty) == (2, "sqlite", True, {})
    assert found.bytes == sum(each.stat().st_size for each in pictures(state))
    with closing(sqlite3.connect(state / "imagewright.db")) as books:
        acts = books.execute(
            "SELECT thing, credential, shape FROM audit WHERE action = 'backup'"
        ).fetchall()
    ((thing, by, shape),) = acts
    assert (thing, by) == ("backup", BY)
    assert json.loads(shape) == {"images": 2, "schema": found.schema, "key": True}


def test_a_backup_keeps_what_the_service_deletes(state: Path, backup: Path) -> None:
    before = [each.read_bytes() for each in pictures(backup)]
    for each in pictures(state):
        each.unlink()
    assert [each.read_bytes() for each in pictures(backup)] == before


def test_no_backup_is_made_by_a_clock_that_was_never_set(tmp_path: Path, state: Path) -> None:
    order = Order(to=tmp_path / "dated", by=BY, keep=1)
    with pytest.raises(Unavailable, match="The clock says 1970-01-01"):
        make_backup(facts.settings(state), order, HandClock(0))
    assert not (tmp_path / "dated").exists()


def test_without_the_key_it_is_left_out_and_not_made_up(tmp_path: Path, state: Path) -> None:
    made = make(state, tmp_path / "keyless", key=False)
    assert not (made.directory / "master.key").exists()
    restore(made.directory, tmp_path / "new")
    assert not (tmp_path / "new/master.key").exists()
    (state / "master.key").unlink()
    with pytest.raises(Unavailable, match=r"no master\.key"):
        make(state, tmp_path / "other")
    assert [each.name for each in tmp_path.iterdir() if "other" in each.name] == []


def test_so_many_dated_backups_stay_and_nothing_else_goes(tmp_path: Path, state: Path) -> None:
    room = tmp_path / "room"
    for name in ("20240101T000000Z", "20250101T000000Z", "20250601T000000Z"):
        make(state, room / name)
    (room / "20230101T000000Z").mkdir()
    (room / "mine").mkdir()
    made = make(state, room, keep=2)
    assert {each.name for each in room.iterdir()} == {
        made.directory.name, "20250601T000000Z", "20230101T000000Z", "mine",
    }  # fmt: skip


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_an_original_that_is_lost_is_told_and_the_rest_is_kept(
    tmp_path: Path, state: Path, fault: str
) -> None:
    first, second = pictures(state)
    if fault == "missing":
        first.unlink()
    else:
        first.write_bytes(b"\x00" * 10)
    made = make(state, tmp_path / "backup")
    assert made.manifest.faulty == {first.stem: fault}
    assert [each.name for each in pictures(made.directory)] == [second.name]
    restore(made.directory, tmp_path / "new")
    assert [each.name for each in pictures(tmp_path / "new")] == [second.name]


def test_a_place_that_is_taken_and_a_state_that_is_none_are_refused(
    tmp_path: Path, state: Path, backup: Path
) -> None:
    with pytest.raises(InvalidRequest, match="not empty"):
        make(state, backup)
    with pytest.raises(Unavailable, match="There is no"):
        make(tmp_path / "none", tmp_path / "other")
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(Unavailable, match="There is no database"):
        make(tmp_path / "empty", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert not list(tmp_path.glob(".other*"))


def flipped(backup: Path) -> None:
    pictures(backup)[0].unlink()
    pictures(backup)[0].with_name("x.png").write_bytes(b"another")


def truncated(backup: Path) -> None:
    first = pictures(backup)[0]
    data = first.read_bytes()
    first.unlink()  # the service's own file is behind the same name
    first.write_bytes(data[:-1])


def more(backup: Path) -> None:
    (backup / "subjects/planted").write_bytes(b"x")


def less(backup: Path) -> None:
    (backup / "master.key").unlink()


def linked(backup: Path) -> None:
    (backup / "subjects/planted").symlink_to("/etc")


def nonsense(backup: Path) -> None:
    (backup / SUMS).write_text("nonsense\n")


@pytest.mark.parametrize("harm", [flipped, truncated, more, less, nonsense])
def test_a_backup_that_is_not_what_it_was_is_refused(
    tmp_path: Path, backup: Path, harm: object
) -> None:
    assert callable(harm)
    harm(backup)
    refused(backup, tmp_path / "new", Unavailable, "not whole")


def test_a_link_in_a_backup_is_not_followed(tmp_path: Path, backup: Path) -> None:
    linked(backup)
    with pytest.raises((Unavailable, OSError)):
        restore(backup, tmp_path / "new")
    assert not (tmp_path / "new/subjects").exists()


def test_a_row_without_its_original_is_found_though_the_sums_are_right(
    tmp_path: Path, backup: Path
) -> None:
    truncated(backup)
    summed_again(backup)
    refused(backup, tmp_path / "new", Unavailable, "the original of img_")


def test_a_damaged_database_is_found_though_the_sums_are_right(
    tmp_path: Path, backup: Path
) -> None:
    data = (backup / "imagewright.db").read_bytes()
    half = len(data) // 2
    (backup / "imagewright.db").write_bytes(data[:half] + b"\xff" * 4096 + data[half + 4096 :])
    summed_again(backup)
    refused(backup, tmp_path / "new", Unavailable, "damaged")


def changed(backup: Path, **what: object) -> None:
    found = Manifest.read(backup)
    (backup / "manifest.json").write_text(replace(found, **what).text())  # type: ignore[arg-type]  # its own fields
    summed_again(backup)


def test_a_newer_backup_and_one_of_another_database_are_refused(
    tmp_path: Path, backup: Path
) -> None:
    other = "postgresql://postgres@127.0.0.1:9/none"
    refused(backup, tmp_path / "new", InvalidRequest, "is of sqlite", database__url=other)
    changed(backup, schema="9999")
    refused(backup, tmp_path / "new", Unavailable, "newer program|knows it up to")
    changed(backup, schema="0001")
    refused(backup, tmp_path / "new", Unavailable, "does not fit")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "\x00"])
def test_what_is_no_backup_is_said_so(tmp_path: Path, backup: Path, text: str) -> None:
    (backup / "manifest.json").write_text(text)
    refused(backup, tmp_path / "new", InvalidRequest, "cannot be read|another form")
    refused(tmp_path / "nowhere", tmp_path / "new", InvalidRequest, "is no backup")


@pytest.mark.parametrize("name", ["imagewright.db", "master.key", "subjects/a", "reserve/spool"])
def test_nothing_is_restored_over_what_is_there(tmp_path: Path, backup: Path, name: str) -> None:
    new = tmp_path / "new"
    for directory in (new, (new / name).parent):
        directory.mkdir(mode=0o700, exist_ok=True)
    (new / name).write_bytes(b"mine")
    with pytest.raises(InvalidRequest, match="not empty"):
        restore(backup, new)
    assert (new / name).read_bytes() == b"mine"


async def test_nothing_is_restored_beside_a_service(tmp_path: Path, backup: Path) -> None:
    new = tmp_path / "new"
    async with facts.app(new):
        with pytest.raises(Unavailable, match="Another process"):
            await asyncio.to_thread(restore, backup, new)


def test_what_a_restore_left_that_was_broken_off_is_in_nobodys_way(
    tmp_path: Path, backup: Path
) -> None:
    new = tmp_path / "new"
    (new / "restoring/subjects").mkdir(parents=True, mode=0o700)
    new.chmod(0o700)
    (new / ".imagewright.db.restoring").write_bytes(b"half")
    (new / ".imagewright.db.restoring-wal").write_bytes(b"half")
    restore(backup, new)
    assert {each.name for each in new.iterdir()} == {
        "imagewright.db", "master.key", "reserve", "subjects",
    }  # fmt: skip


@pytest.fixture
def outside() -> Iterator[Path]:
    """A place that every user may reach: pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def given(directory: Path) -> Path:
    """A directory with everything in it, given to a user who owns nothing else."""
    directory.mkdir(mode=0o700, exist_ok=True)
    for each in (directory, *directory.rglob("*")):
        os.chown(each, 12345, 12345)
    return directory


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_root_does_it_as_the_states_owner(outside: Path, drawn: Path) -> None:
    state = given(Path(shutil.copytree(drawn, outside / "state")))
    room, new = given(outside / "room"), given(outside / "new")
    made = make(state, room / "backup").directory
    restore(made, new)
    assert len(pictures(new)) == 2
    for directory in (state, room, new):
        owners = {each.stat().st_uid for each in (directory, *directory.rglob("*"))}
        assert owners == {12345}
    with pytest.raises(PermissionError):
        make(state, outside / "not theirs")
    assert os.geteuid() == 0


def test_without_postgresqls_programs_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = Source("postgresql://postgres@127.0.0.1:9/none")
    assert (source.kind, source.file) == ("postgresql", None)
    with pytest.raises(Unavailable, match="no pg_dump here"):
        dump(make_url("postgresql+psycopg://u:p@h/d"), "1", tmp_path / "dump")
