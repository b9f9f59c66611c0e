"""Each test on an empty SQLite file, and on an empty PostgreSQL database of a real server."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from imagewright.adapters.sql.approvals import SqlApprovals
from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.conversations import SqlConversations
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.docket import SqlDocket
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.adapters.sql.reconciliations import SqlReconciliations
from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.adapters.sql.sessions import SqlSessions
from imagewright.adapters.sql.shelf import SqlShelf
from imagewright.adapters.sql.sums import SqlLedger
from imagewright.adapters.sql.uses import SqlUses
from imagewright.adapters.vault.sealed import SealedVault
from tests.adapters.sql.postgres import Postgres
from tests.contracts.audit import KEY
from tests.contracts.samples import Desk
from tests.fakes.clock import HandClock


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing else, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "books.db"
    opened = Database(SqlConfig(url=f"sqlite:///{file}"))
    asyncio.run(opened.open())
    asyncio.run(opened.close())
    return file


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated"), tmp_path / "books.db")
        yield f"sqlite:///{tmp_path}/books.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as address:
        yield address


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(SqlConfig(url=url))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    stores = SqlBooks(database), SqlJobs(database), SqlLibrary(database)
    return Desk(*stores, answers=SqlApprovals(database))


@pytest.fixture
def conversations(database: Database) -> SqlConversations:
    return SqlConversations(database)


@pytest.fixture
def revocations(database: Database) -> SqlRevocations:
    return SqlRevocations(database)


@pytest.fixture
def sessions(database: Database) -> SqlSessions:
    return SqlSessions(database)


@pytest.fixture
def uses(database: Database) -> SqlUses:
    return SqlUses(database)


@pytest.fixture
def audit(database: Database) -> SqlAudit:
    return SqlAudit(database, KEY)


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    return SqlLedger(database)


@pytest.fixture
def reconciliations(database: Database) -> SqlReconciliations:
    return SqlReconciliations(database)


@pytest.fixture
def docket(database: Database) -> SqlDocket:
    return SqlDocket(database)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def vault(database: Database, clock: HandClock) -> SealedVault:
    return SealedVault(SqlShelf(database, clock), bytes(32), clock, secrets.token_bytes)
