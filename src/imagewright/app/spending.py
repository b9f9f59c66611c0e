"""The ledger opened by commands, beside a service that runs or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.sums import SqlLedger
from imagewright.app.parts import database_url
from imagewright.ports.ledger import LedgerReader
from imagewright.settings import Settings


@asynccontextmanager
async def ledger(settings: Settings) -> AsyncIterator[LedgerReader]:
    """The ledger of a service; nothing is made or written.

    Raises Unavailable where there is no database yet, or it is away or of another version.
    """
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_beside()
    try:
        yield SqlLedger(database)
    finally:
        await database.close()
