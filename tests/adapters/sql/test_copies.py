"""Copies of a SQLite database: whole beside a writer, kept before a migration, a few of them."""

import errno
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from imagewright.adapters.sql import copies
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import sqlite_engine
from imagewright.adapters.sql.schema import HEAD, version
from imagewright.core.errors import StorageFull, Unavailable
from tests.adapters.sql.test_upgrade import fill


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


@pytest.fixture
def older(file: Path) -> Path:
    """A database at the first schema, logged as a service's is."""
    url = f"sqlite:///{file}"
    fill(url)
    return file


def count(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as found:
        (number,) = found.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of ours
    return int(number)


def schema(file: Path) -> str | None:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        found = version(connection)
    engine.dispose()
    return found


def kept(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}.*Z"))


async def test_what_is_migrated_is_copied_before(older: Path) -> None:
    database = Database(SqlConfig(url=f"sqlite:///{older}"))
    done = await database.open()
    await database.close()
    assert done is not None
    assert (done.before, done.now, schema(older)) == ("0001", HEAD, HEAD)
    assert done.copy is not None
    assert [done.copy] == kept(older)
    assert done.copy.name.startswith("books.db.0001-2")
    assert stat.S_IMODE(done.copy.stat().st_mode) == 0o600
    assert (schema(done.copy), count(done.copy, "audit")) == ("0001", 3)
    copies.check(done.copy)
    assert {each.name for each in older.parent.iterdir()} == {older.name, done.copy.name}


async def test_what_is_new_or_current_is_not_copied(file: Path) -> None:
    for _ in range(2):
        database = Database(SqlConfig(url=f"sqlite:///{file}"))
        done = await database.open()
        await database.close()
        assert done is None or (done.before, done.copy) == (None, None)
    assert [each.name for each in file.parent.iterdir()] == ["books.db"]


def test_the_newest_copies_stay_whatever_their_schema(older: Path) -> None:
    stamps = [
        ("0009", "20240101T000000Z"), ("0002", "20250101T000000Z"),
        ("0001", "20250601T000000Z"), ("0003", "20231231T235959Z"),
    ]  # fmt: skip
    for number, made in stamps:
        older.with_name(f"books.db.{number}-{made}").touch()
    others = [older.with_name("books.db.mine"), older.with_name("other.db.0001-20200101T000000Z")]
    for other in others:
        other.touch()
    made_now = copies.keep(older, "0001")
    left = {each.name for each in older.parent.iterdir()} - {"books.db"}
    assert left == {
        made_now.name, "books.db.0001-20250601T000000Z", "books.db.0002-20250101T000000Z",
        *(other.name for other in others),
    }  # fmt: skip


def test_what_a_kill_left_of_a_copy_is_in_nobodys_way(older: Path) -> None:
    older.with_name(".books.db.copy").write_bytes(b"half of it")
    made = copies.keep(older, "0001")
    copies.check(made)
    assert not older.with_name(".books.db.copy").exists()


def no_room(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def not_allowed(_descriptor: int) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def no_page(_descriptor: int) -> None:
    """What SQLite itself says of a full disk."""
    with closing(sqlite3.connect(":memory:")) as small:
        small.execute("PRAGMA max_page_count = 1")
        small.execute("CREATE TABLE t (x)")


@pytest.mark.parametrize(
    ("fails", "fault"),
    [(no_room, StorageFull), (no_page, StorageFull), (not_allowed, Unavailable)],
)
async def test_without_a_copy_nothing_is_migrated(
    older: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[int], None],
    fault: type[Exception],
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        with pytest.raises(fault, match="cop"):
            await Database(SqlConfig(url=f"sqlite:///{older}")).open()
    assert schema(older) == "0001"
    assert kept(older) == []
    assert not older.with_name(".books.db.copy").exists()


def test_a_copy_beside_a_writer_is_of_one_moment(file: Path) -> None:
    """Two tables that every transaction changes together."""
    url = create_engine(f"sqlite:///{file}").url
    writer = sqlite_engine(url, writer=True, pool=1, busy_seconds=5)
    with writer.begin() as connection:
        connection.execute(text("CREATE TABLE a (x)"))
        connection.execute(text("CREATE TABLE b (x)"))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with writer.begin() as connection:
                connection.execute(text("INSERT INTO a VALUES (zeroblob(2000))"))
                connection.execute(text("INSERT INTO b VALUES (zeroblob(2000))"))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = []
        for number in range(20):
            target = file.with_name(f"copy{number}.db")
            copies.copy(file, target)
            assert count(target, "a") == count(target, "b")
            seen.append(count(target, "a"))
    finally:
        stop.set()
        thread.join()
        writer.dispose()
    assert len(set(seen)) > 1, "nothing was written meanwhile"
    assert not list(file.parent.glob("copy*-*")), "a copy is one file"


def test_nothing_is_written_over_and_a_link_is_not_followed(file: Path, older: Path) -> None:
    target = file.with_name("target.db")
    target.symlink_to(file.with_name("elsewhere.db"))
    with pytest.raises(FileExistsError):
        copies.copy(older, target)
    assert not file.with_name("elsewhere.db").exists()
    assert target.is_symlink()


def test_a_damaged_database_is_no_copy(older: Path, tmp_path: Path) -> None:
    whole = older.read_bytes()
    older.write_bytes(whole[:-8192] + b"\xff" * 8192)
    with pytest.raises((Unavailable, sqlite3.DatabaseError)):
        copies.copy(older, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
    with pytest.raises(Unavailable, match="damaged"):
        copies.check(older)
    older.write_bytes(b"no database" * 1000)
    with pytest.raises(Unavailable, match="damaged"):
        copies.check(older)


def test_rows_that_point_nowhere_are_damage(older: Path) -> None:
    with closing(sqlite3.connect(older)) as found:
        found.execute(
            "INSERT INTO audit (at, subject, credential, action, thing, outcome)"
            " VALUES (1, 99, 'tok', 'admit', 'x', 'entered')"
        )
        found.commit()
    with pytest.raises(Unavailable, match="damaged"):
        copies.check(older)
