"""Revoking beside a running service: the database alone is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import NotMade
from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.app.ownership import as_owner
from imagewright.app.parts import database_url
from imagewright.core.revocation import Revocation, Target, What
from imagewright.services.revoking import Revoked, RevokingService
from imagewright.settings import Settings


@asynccontextmanager
async def revoking(settings: Settings) -> AsyncIterator[RevokingService]:
    """The service, on the settings' database, which is made where there is none yet.

    Raises Unavailable, for the database of an older program too: one that runs goes on.
    """
    with as_owner(settings.state):
        database = _database(settings)
        await database.open_or_make()
        try:
            yield _service(database)
        finally:
            await database.close()


async def revoke_token(settings: Settings, id: str, *, by: str, reason: str) -> Revoked | None:
    """Revoke a token by its id, on every node at once, beside taking it out of a file.

    None where there is no database yet, and so no node. Raises InvalidRequest or Unavailable.
    """
    with as_owner(settings.state):
        database = _database(settings)
        try:
            await database.open_beside(write=True)
            return await _service(database).revoke(
                Target(what=What.TOKEN, key=id), by=by, reason=reason
            )
        except NotMade:
            return None
        finally:
            await database.close()


async def revoked_now(settings: Settings) -> frozenset[Target]:
    """What is revoked. Raises Unavailable."""
    return frozenset(each.target for each in await revocations_of(settings, lifted=False))


async def revocations_of(settings: Settings, *, lifted: bool) -> tuple[Revocation, ...]:
    """Revocations, newest first; none where there is no database yet. Raises Unavailable."""
    with as_owner(settings.state):
        database = _database(settings)
        try:
            await database.open_beside()
            return await _service(database).list(lifted=lifted)
        except NotMade:
            return ()
        finally:
            await database.close()


def _database(settings: Settings) -> Database:
    return Database(SqlConfig(url=database_url(settings)))


def _service(database: Database) -> RevokingService:
    return RevokingService(SqlRevocations(database), SystemClock())
