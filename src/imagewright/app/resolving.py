"""Resolving beside a running service: the database alone is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.docket import SqlDocket
from imagewright.app.parts import database_url
from imagewright.services.resolving import ResolvingService
from imagewright.settings import Settings


@asynccontextmanager
async def resolving(settings: Settings, *, write: bool) -> AsyncIterator[ResolvingService]:
    """The service; unless `write` is said, nothing can be written.

    Raises Unavailable where there is no database yet, or it is away or of another version.
    """
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_beside(write=write)
    try:
        yield ResolvingService(SqlDocket(database), SystemClock())
    finally:
        await database.close()
