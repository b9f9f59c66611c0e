"""A database of an earlier version, with an audit that nobody sealed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, text

from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import NotMade
from imagewright.adapters.sql.schema import HEAD, version
from imagewright.adapters.sql.upgrade import configuration
from imagewright.core.errors import Unavailable
from tests.adapters.sql.postgres import Postgres
from tests.contracts.audit import KEY, verified
from tests.contracts.samples import NOON

ROOT = Path(__file__).parents[3]
OPENING = """
import asyncio, sys
from imagewright.adapters.sql.database import Database, SqlConfig
print("ready", flush=True)
sys.stdin.readline()
done = asyncio.run(Database(SqlConfig(url=sys.argv[1])).open())
print(done.before if done else "nothing to do")
"""


@pytest.fixture(params=["sqlite", "postgres"])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database at the first schema, with three lines."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/books.db"
        fill(url)
        yield url
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(empty=True) as url:
        fill(url)
        yield url


def fill(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        migrate(connection, "0001")
        connection.execute(text("INSERT INTO subjects (name) VALUES ('user:a')"))
        for place in range(3):
            connection.execute(
                text(
                    "INSERT INTO audit (at, subject, credential, action, thing, outcome)"
                    " VALUES (:at, 1, 'tok', 'admit', 'painter/brush', 'entered')"
                ),
                {"at": place},
            )
    engine.dispose()


def migrate(connection: Connection, revision: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.mark.parametrize("write", [False, True])
async def test_no_command_migrates_what_an_older_program_works_on(
    earlier: str, write: bool
) -> None:
    database = Database(SqlConfig(url=earlier))
    opened = database.open_or_make() if write else database.open_beside(write=True)
    with pytest.raises(Unavailable, match="an older program than this one") as refused:
        await opened
    assert not isinstance(refused.value, NotMade)
    assert "start this version's service" in refused.value.hint
    engine = create_engine(earlier)
    with engine.connect() as connection:
        assert version(connection) == "0001"
    engine.dispose()


async def test_what_was_written_before_there_were_seals_is_sealed(earlier: str) -> None:
    database = Database(SqlConfig(url=earlier))
    await database.open()
    audit = SqlAudit(database, KEY)
    assert (await verified(audit)).waiting == 3
    seal = await audit.seal(NOON)
    assert seal is not None
    assert seal.ids == "1-3"
    assert (await verified(audit)).broken is None
    await database.close()


def test_of_processes_that_start_at_once_one_migrates(earlier: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, earlier],
            env={"PYTHONPATH": str(ROOT / "src"), "PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    ended = [each.communicate(timeout=60) for each in started]
    for each, (_, errors) in zip(started, ended, strict=True):
        assert (each.returncode, errors) == (0, "")
    assert sorted(said for said, _ in ended) == ["0001\n", *["nothing to do\n"] * 3]
    engine = create_engine(earlier)
    with engine.connect() as connection:
        assert version(connection) == HEAD
        assert connection.scalar(text("SELECT count(*) FROM audit")) == 3
    engine.dispose()
    if earlier.startswith("sqlite"):
        file = Path(engine.url.database or "")
        assert len(list(file.parent.glob("books.db.0001-*Z"))) == 1
