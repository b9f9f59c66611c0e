"""The schema's version, and bringing a database up to it."""

from sqlalchemy import BigInteger, Connection, column, func, inspect, select, table

from imagewright.adapters.sql.lane import Lane
from imagewright.core.errors import Unavailable

HEAD = "0002"
"""The newest migration. Known without importing Alembic, which takes longer than all the rest."""

VERSION = table("alembic_version", column("version_num"))
_LOCK = 0x696D_6167_6577
"""PostgreSQL's advisory lock of those who migrate: `imagew`."""


def bring(lane: Lane) -> None:
    """Migrate the database to HEAD unless it is there; one process at a time does it.

    Raises Unavailable where a newer program has migrated it further.
    """
    if lane.transact(version) != HEAD:
        lane.transact(_migrate)


def version(connection: Connection) -> str | None:
    """The migration a database is at, or None where it is empty."""
    if not inspect(connection).has_table(VERSION.name):
        return None
    found: str | None = connection.scalar(select(VERSION.c.version_num))
    return found


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, type_=BigInteger)))
    found = version(connection)
    if found is not None and found > HEAD:
        raise Unavailable(
            f"The database is at schema {found}; this program knows it up to {HEAD}.",
            hint="Install the newer program again, or restore the backup made before it ran.",
        )
    if found != HEAD:
        from imagewright.adapters.sql.upgrade import upgrade  # noqa: PLC0415 - it imports Alembic

        upgrade(connection)
