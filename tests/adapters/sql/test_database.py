"""Opening, closing and failing."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import NotMade
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.adapters.sql.schema import HEAD, version
from imagewright.adapters.sql.tables import jobs, subjects
from imagewright.core.errors import StorageFull, Unavailable
from tests.adapters.sql.invariants import broken
from tests.adapters.sql.postgres import Postgres
from tests.contracts.samples import OWNER, WHENCE, Desk

ROOT = Path(__file__).parents[3]


def desk_on(database: Database) -> Desk:
    return Desk(SqlBooks(database), SqlJobs(database), SqlLibrary(database))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


@pytest.fixture
def config(file: Path) -> SqlConfig:
    return SqlConfig(url=f"sqlite:///{file}", busy_seconds=0.1)


async def test_what_was_entered_is_there_after_a_restart(url: str) -> None:
    database = Database(SqlConfig(url=url))
    await database.open()
    job = await desk_on(database).admit()
    await database.close()
    await database.open()
    assert await desk_on(database).jobs.get(OWNER.subject, job.id) == job
    await database.close()


async def test_a_closed_database_says_so(url: str) -> None:
    database = Database(SqlConfig(url=url))
    with pytest.raises(Unavailable):
        await desk_on(database).books.ping()
    await database.open()
    await database.close()
    await database.close()
    with pytest.raises(Unavailable):
        await desk_on(database).books.ping()


async def test_closing_lets_what_was_asked_for_complete(url: str) -> None:
    database = Database(SqlConfig(url=url))
    await database.open()
    desk = desk_on(database)
    asks = [asyncio.ensure_future(desk.admit(f"fox {n}")) for n in range(5)]
    await asyncio.sleep(0)
    await database.close()
    entered = await asyncio.gather(*asks)
    await database.open()
    assert len({job.id for job in entered}) == 5
    assert (await desk.jobs.counts())["queued"] == 5
    await database.close()


async def test_a_cancelled_task_leaves_its_transaction_whole(
    database: Database, desk: Desk
) -> None:
    entered, go = threading.Event(), threading.Event()

    def blocked(connection: Connection) -> None:
        connection.execute(insert(subjects), {"name": "user:blocked"})
        entered.set()
        go.wait(10)

    blocking = asyncio.ensure_future(database.write(blocked))
    await asyncio.to_thread(entered.wait, 10)
    waiting = asyncio.ensure_future(desk.admit())
    await asyncio.sleep(0)
    blocking.cancel()
    waiting.cancel()
    await asyncio.gather(blocking, waiting, return_exceptions=True)
    assert blocking.cancelled()
    assert waiting.cancelled()
    go.set()
    await desk.books.ping()
    await database.close()
    await database.open()
    assert (await desk.jobs.counts())["queued"] == 1
    assert await database.read(broken) == []
    names = await database.read(lambda c: set(c.scalars(select(subjects.c.name))))
    assert names == {"user:blocked", OWNER.subject}


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def fails(connection: Connection) -> None:
        connection.execute(insert(subjects), {"name": "user:gone"})
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(fails)
    assert await database.read(lambda c: c.scalars(select(subjects.c.name)).all()) == []


async def test_errors_carry_no_prompt(database: Database, desk: Desk) -> None:
    image = desk.image(prompt="the secret fox")
    await desk.library.add(OWNER, image, WHENCE)
    with pytest.raises(IntegrityError) as raised:
        await desk.library.add(OWNER, image, WHENCE)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("table", ["ledger", "audit"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET at = 0", "DELETE FROM {}", "DELETE FROM {} WHERE id = 1"]
)
async def test_what_is_entered_in_ledger_and_audit_stays(
    database: Database, desk: Desk, table: str, statement: str
) -> None:
    await desk.admit()
    with pytest.raises(DBAPIError, match="append-only"):
        await database.write(lambda c: c.execute(text(statement.format(table))).close())
    count = text(f"SELECT count(*) FROM {table} WHERE at > 0")  # noqa: S608 - names of our own tables
    assert await database.read(lambda c: c.scalar(count)) == 1


async def test_readers_cannot_write(tmp_path: Path, config: SqlConfig) -> None:
    database = Database(config)
    await database.open()
    with pytest.raises(Unavailable):
        await database.read(lambda c: c.execute(insert(subjects), {"name": "user:x"}).close())
    await database.close()


async def test_the_file_is_its_owners_alone(file: Path, config: SqlConfig) -> None:
    file.touch(0o644)
    database = Database(config)
    await database.open()
    await desk_on(database).admit()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == dict.fromkeys(["books.db", "books.db-shm", "books.db-wal"], 0o600)
    await database.close()
    assert [path.name for path in file.parent.iterdir()] == ["books.db"]


async def test_it_is_durable_and_logged_ahead(config: SqlConfig) -> None:
    database = Database(config)
    await database.open()
    for lane in (database.write, database.read):
        found = [
            await lane(lambda c, name=name: c.exec_driver_sql(f"PRAGMA {name}").scalar())  # type: ignore[misc]  # a lambda's default
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert found == ["wal", 2, 1]
    await database.close()


async def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path, config: SqlConfig) -> None:
    (tmp_path / "books.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        await Database(config).open()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/books.db?mode=ro",
        "mysql://x/y",
        "nonsense",
        "sqlite:////nonexistent/books.db",
        "postgresql://postgres@/x?host=/nonexistent",
    ],
)
async def test_an_address_that_leads_nowhere_is_named_at_once(url: str) -> None:
    with pytest.raises(Unavailable):
        await Database(SqlConfig(url=url)).open()


def test_an_address_is_not_printed() -> None:
    assert "hunter2" not in repr(SqlConfig(url="postgresql://u:hunter2@h/d"))


async def test_a_file_that_is_no_database_is_refused(file: Path, config: SqlConfig) -> None:
    file.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(Unavailable):
        await Database(config).open()
    assert file.read_bytes().startswith(b"not a database")


async def test_another_writers_lock_is_waited_for_then_named(file: Path, config: SqlConfig) -> None:
    database = Database(config)
    await database.open()
    desk = desk_on(database)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy"):
        await desk.admit()
    with pytest.raises(Unavailable):
        await desk.books.ping()
    assert await desk.books.find(desk.demand()) is None
    other.execute("ROLLBACK")
    other.close()
    await desk.admit()
    await database.close()


async def test_a_full_disk_is_named_and_harms_nothing(config: SqlConfig) -> None:
    database = Database(config)
    await database.open()
    desk = desk_on(database)
    await desk.admit("first")

    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1").close())
    too_much = desk.image(prompt="x" * 400_000)
    with pytest.raises(StorageFull):
        await desk.library.add(OWNER, too_much, WHENCE)
    assert await database.read(broken) == []
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 100000").close())
    await desk.admit("second")
    await database.close()


async def test_a_newer_schema_is_refused_in_words(url: str) -> None:
    database = Database(SqlConfig(url=url))
    await database.open()
    await database.write(
        lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9'")).close()
    )
    await database.close()
    with pytest.raises(Unavailable, match="schema 9"):
        await database.open()
    with pytest.raises(Unavailable):
        await database.write(lambda c: c.execute(update(jobs).values(done=1)).close())


async def test_many_that_open_an_empty_file_at_once_make_one_schema(config: SqlConfig) -> None:
    patient = SqlConfig(url=config.url, busy_seconds=10)
    await open_together([Database(patient) for _ in range(4)])


async def test_many_that_open_an_empty_database_at_once_make_one_schema(
    postgres: Postgres,
) -> None:
    with postgres.database(empty=True) as url:
        await open_together([Database(SqlConfig(url=url, pool=2)) for _ in range(4)])


async def open_together(databases: list[Database]) -> None:
    await asyncio.gather(*(database.open() for database in databases))
    for place, database in enumerate(databases):
        desk = desk_on(database)
        desk.random.seed = str(place)
        await desk.admit(f"fox {place}")
    assert (await desk_on(databases[0]).jobs.counts())["queued"] == 4
    for database in databases:
        await database.close()


async def test_a_server_that_dropped_its_connections_is_met_again(postgres: Postgres) -> None:
    with postgres.database() as url:
        database = Database(SqlConfig(url=url))
        await database.open()
        desk = desk_on(database)
        await desk.admit("first")
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'imagewright'"
        )
        await desk.admit("second")
        await database.close()


def cut(postgres: Postgres, connection: Connection) -> int:
    """Let the server end the connection; who it was."""
    own = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    postgres.execute(f"SELECT pg_terminate_backend({own}, 5000)")
    return own


async def test_what_was_cut_before_it_was_kept_is_tried_again(postgres: Postgres) -> None:
    seen: list[int] = []

    def work(connection: Connection) -> str:
        if not seen:
            seen.append(cut(postgres, connection))
        return str(connection.execute(text("SELECT 'kept'")).scalar_one())

    with postgres.database() as url:
        database = Database(SqlConfig(url=url))
        await database.open()
        assert await database.write(work) == "kept"
        await database.close()


async def test_what_was_cut_as_it_was_to_be_kept_is_not_tried_again(postgres: Postgres) -> None:
    seen: list[int] = []

    def work(connection: Connection) -> None:
        seen.append(cut(postgres, connection))

    with postgres.database() as url:
        database = Database(SqlConfig(url=url))
        await database.open()
        with pytest.raises(Unavailable):
            await database.write(work)
        await database.close()
    assert len(seen) == 1


def test_an_up_to_date_database_opens_without_alembic(url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from imagewright.adapters.sql.database import Database, SqlConfig\n"
        "async def main():\n"
        "    database = Database(SqlConfig(url=sys.argv[1]))\n"
        "    await database.open()\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, url]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": os.defpath}
    said = [
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert said[1] == "False\n"


async def test_whoever_opens_beside_a_service_writes_only_if_that_is_said(
    url: str, database: Database
) -> None:
    def enter(name: str) -> Callable[[Connection], None]:
        return lambda connection: connection.execute(insert(subjects), {"name": name}).close()

    reader, writer = Database(SqlConfig(url=url)), Database(SqlConfig(url=url))
    await reader.open_beside()
    await writer.open_beside(write=True)
    try:
        await writer.write(enter("user:beside"))
        with pytest.raises(Unavailable):
            await reader.write(enter("user:never"))
        with pytest.raises((DBAPIError, Unavailable)):
            await reader.read(enter("user:never"))
        names = await reader.read(lambda c: c.scalars(select(subjects.c.name)).all())
        assert names == ["user:beside"]
    finally:
        await reader.close()
        await writer.close()


async def test_nothing_is_made_or_migrated_beside_a_service(
    tmp_path: Path, postgres: Postgres
) -> None:
    absent = Database(SqlConfig(url=f"sqlite:///{tmp_path}/none.db"))
    with pytest.raises(NotMade, match="no database"):
        await absent.open_beside(write=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    with postgres.database(empty=True) as other:
        for url in (f"sqlite:///{tmp_path}/empty.db", other):
            with pytest.raises(NotMade, match="schema"):
                await Database(SqlConfig(url=url)).open_beside()


async def test_a_command_makes_what_no_service_has_made(tmp_path: Path, postgres: Postgres) -> None:
    with postgres.database(empty=True) as other:
        for url in (f"sqlite:///{tmp_path}/new.db", other):
            for _ in range(2):
                made = Database(SqlConfig(url=url))
                await made.open_or_make()
                assert await made.read(version) == HEAD
                await made.close()
