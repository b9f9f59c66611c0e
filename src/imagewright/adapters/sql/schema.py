"""The schema's version, and bringing a database up to it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import BigInteger, Connection, column, func, inspect, select, table

from imagewright.adapters.sql.copies import keep
from imagewright.adapters.sql.engines import NotMade
from imagewright.adapters.sql.lane import Lane
from imagewright.core.errors import Unavailable

HEAD = "0012"
"""The newest migration. Known without importing Alembic, which takes longer than all the rest."""

VERSION = table("alembic_version", column("version_num"))
_LOCK = 0x696D_6167_6577
"""PostgreSQL's advisory lock of those who migrate: `imagew`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """A database that is at HEAD `now`, and was at another migration `before` or empty (None).

    `copy` is what a SQLite file was before.
    """

    before: str | None
    now: str
    copy: Path | None


def bring(lane: Lane, *, older: bool = True) -> Migrated | None:
    """Migrate the database to HEAD unless it is there; one process at a time does it.

    One that holds nothing yet is always brought there, one at an earlier migration only if `older`
    is said; a SQLite file is copied before. Raises StorageFull where there is no room for that,
    and Unavailable for any other database, which stays as it is.
    """
    if lane.transact(version) == HEAD:
        return None
    return lane.transact(partial(_migrate, older=older))


def check(lane: Lane) -> None:
    """Raise Unavailable unless the database is at HEAD, NotMade if it holds nothing yet."""
    found = lane.transact(version)
    if found is None:
        raise NotMade("The database has no schema yet.", hint="Start the service once.")
    if found != HEAD:
        raise _another(found)


def version(connection: Connection) -> str | None:
    """The migration a database is at, or None where it is empty."""
    if not inspect(connection).has_table(VERSION.name):
        return None
    found: str | None = connection.scalar(select(VERSION.c.version_num))
    return found


def _another(found: str) -> Unavailable:
    if found > HEAD:
        return Unavailable(
            f"The database is at schema {found}; this program knows it up to {HEAD}.",
            hint="Install the newer program again, or restore the backup made before it ran.",
        )
    return Unavailable(
        f"The database is at schema {found}, and an older program than this one may be at work on "
        "it; nothing was changed in it.",
        hint="Use that program's own command, or start this version's service, which migrates it; "
        "so does: imagewright db upgrade",
    )


def _migrate(connection: Connection, *, older: bool) -> Migrated | None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, type_=BigInteger)))
    found = version(connection)
    if found == HEAD:
        return None
    if found is not None and (found > HEAD or not older):
        raise _another(found)
    copy = _copy(connection, found) if found is not None else None
    from imagewright.adapters.sql.upgrade import upgrade  # noqa: PLC0415 - it imports Alembic

    upgrade(connection)
    return Migrated(before=found, now=HEAD, copy=copy)


def _copy(connection: Connection, found: str) -> Path | None:
    """What a SQLite file is now, kept; this transaction already keeps everybody from writing."""
    url = connection.engine.url
    return keep(Path(url.database or ""), found) if url.drivername == "sqlite" else None
