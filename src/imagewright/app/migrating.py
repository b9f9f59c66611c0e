"""The schema of the settings' database, looked at and brought up to this program's."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import NotMade, read_url
from imagewright.adapters.sql.schema import HEAD, Migrated
from imagewright.app.auditing import AdminAct, enter_acts
from imagewright.app.ownership import as_owner
from imagewright.app.parts import database_url
from imagewright.settings import Settings


class State(StrEnum):
    """How a database stands to this program."""

    CURRENT = "current"
    PENDING = "pending"
    NONE = "none"
    NEWER = "newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The migration a database is at, and those that it lacks, oldest first, with their titles."""

    database: str
    here: str | None
    program: str
    pending: tuple[tuple[str, str], ...]

    @property
    def state(self) -> State:
        """In one word."""
        if self.here is None:
            return State.NONE
        if self.here > self.program:
            return State.NEWER
        return State.PENDING if self.pending else State.CURRENT


async def schema_of(settings: Settings) -> Schema:
    """Look beside whoever uses the database; nothing is made or changed. Raises Unavailable."""
    database = Database(SqlConfig(url=database_url(settings)))
    try:
        with as_owner(settings.state):
            here = await database.schema()
    except NotMade:
        here = None
    kind = "sqlite" if read_url(database_url(settings)).drivername == "sqlite" else "postgresql"
    missing = await asyncio.to_thread(_pending, here) if here is None or here < HEAD else ()
    return Schema(database=kind, here=here, program=HEAD, pending=missing)


async def upgrade_schema(settings: Settings, *, by: str) -> Migrated | None:
    """Bring the database to this program's schema, even while an older program works on it.

    None where it is there already. Raises Unavailable or StorageFull.
    """
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(SqlConfig(url=database_url(settings)))
    with as_owner(settings.state):
        try:
            done = await database.open()
        finally:
            await database.close()
    if done is not None:
        shape = {"before": done.before or "none"}
        act = AdminAct(by=by, action="db_upgrade", thing=HEAD, outcome="migrated", shape=shape)
        await enter_acts(settings, (act,))
    return done


def _pending(here: str | None) -> tuple[tuple[str, str], ...]:
    from imagewright.adapters.sql.upgrade import pending  # noqa: PLC0415 - it imports Alembic

    return pending(here)
