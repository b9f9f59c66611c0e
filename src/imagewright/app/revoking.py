"""Revoking beside a running service: the database alone is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import read_url
from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.app.parts import database_url
from imagewright.core.revocation import Revocation, Target, What
from imagewright.services.revoking import Revoked, RevokingService
from imagewright.settings import Settings


@asynccontextmanager
async def revoking(settings: Settings) -> AsyncIterator[RevokingService]:
    """The service, on the settings' database. Raises Unavailable."""
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open()
    try:
        yield RevokingService(SqlRevocations(database), SystemClock())
    finally:
        await database.close()


async def revoke_token(settings: Settings, id: str, *, by: str, reason: str) -> Revoked:
    """Revoke a token by its id, on every node at once, beside taking it out of a file.

    Raises InvalidRequest or Unavailable.
    """
    async with revoking(settings) as service:
        return await service.revoke(Target(what=What.TOKEN, key=id), by=by, reason=reason)


async def revoked_now(settings: Settings) -> frozenset[Target]:
    """What is revoked. Raises Unavailable."""
    return frozenset(each.target for each in await revocations_of(settings, lifted=False))


async def revocations_of(settings: Settings, *, lifted: bool) -> tuple[Revocation, ...]:
    """Revocations, newest first; none where there is no SQLite file yet. Raises Unavailable."""
    if not _there(settings):
        return ()
    async with revoking(settings) as service:
        return await service.list(lifted=lifted)


def _there(settings: Settings) -> bool:
    url = read_url(database_url(settings))
    return url.drivername != "sqlite" or Path(url.database or "").exists()
