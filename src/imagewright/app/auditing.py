"""The audit opened for reading, beside a service that runs or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.app.parts import KEY, chain_key, database_url
from imagewright.services.auditor import Auditor
from imagewright.settings import Settings


@asynccontextmanager
async def auditor(settings: Settings) -> AsyncIterator[Auditor]:
    """The audit of a service; nothing is made or written.

    Raises Unavailable where there is no key or no database yet.
    """
    key = chain_key(KeyFile(settings.state / KEY, make=False))
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_to_read()
    try:
        yield Auditor(SqlAudit(database, key), key)
    finally:
        await database.close()
