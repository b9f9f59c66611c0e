"""A database as it was at one moment, in a file, with the originals that its rows name."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, inspect, select, text

from imagewright.adapters.blobs.originals import Wanted
from imagewright.adapters.sql.copies import copy
from imagewright.adapters.sql.dumps import dump, load
from imagewright.adapters.sql.engines import beside_engine, read_url
from imagewright.adapters.sql.lane import Lane
from imagewright.adapters.sql.schema import version
from imagewright.adapters.sql.tables import images, subjects
from imagewright.core.errors import InvalidRequest, Unavailable

FILES = {"sqlite": "imagewright.db", "postgresql": "imagewright.dump"}
"""What a snapshot is called, by the database's kind."""

_ORIGINALS = select(
    images.c.id,
    subjects.c.name.label("subject"),
    images.c.path,
    images.c.sha256,
    images.c.bytes,
).join(subjects, subjects.c.number == images.c.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The migration a database was at, and every original that it knew."""

    schema: str
    originals: tuple[Wanted, ...]


class Source:
    """A database to take snapshots of, beside whoever uses it."""

    def __init__(self, address: str, busy_seconds: float = 5.0) -> None:
        self._url: URL = read_url(address)
        self._busy_seconds = busy_seconds

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return "sqlite" if self._url.drivername == "sqlite" else "postgresql"

    @property
    def file(self) -> Path | None:
        """The file of SQLite."""
        return Path(self._url.database or "") if self.kind == "sqlite" else None

    def look(self) -> Snapshot:
        """What it holds now, kept nowhere. Raises NotMade, Unavailable."""
        return self._read(None)

    def take(self, target: Path) -> Snapshot:
        """Write it to a file that is not there yet. Raises NotMade, Unavailable, OSError."""
        if self.file is None:
            return self._read(target)
        try:
            copy(self.file, target)
        except sqlite3.Error as error:
            raise Unavailable("The database could not be copied.", hint="Try again.") from error
        return read_file(target)

    def fill(self, dumped: Path) -> None:
        """Restore a dump into a PostgreSQL database. Raises InvalidRequest unless it is empty."""
        engine = create_engine(self._url, hide_parameters=True)
        lane = Lane(engine, 1, "sql-fill")
        try:
            taken = lane.transact(lambda connection: inspect(connection).get_table_names())
        finally:
            lane.close()
        if taken:
            raise InvalidRequest(
                "The database is not empty.", hint="Restore into a new database, and name that."
            )
        load(self._url, dumped)

    def _read(self, target: Path | None) -> Snapshot:
        engine = beside_engine(self._url, self._busy_seconds, writer=False)
        if self.kind == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        lane = Lane(engine, 1, "sql-snapshot")

        def work(connection: Connection) -> Snapshot:
            found = _snapshot(connection)
            if target is not None:
                name = connection.scalar(text("SELECT pg_export_snapshot()"))
                dump(self._url, str(name), target)
            return found

        try:
            return lane.transact(work)
        finally:
            lane.close()


def read_file(file: Path) -> Snapshot:
    """What a copy of a SQLite database holds. Raises Unavailable for a file that is none."""
    if not file.is_file():
        raise Unavailable(f"There is no database {file}.")
    engine = create_engine(f"sqlite:///file:{file.resolve()}?mode=ro&immutable=1&uri=true")
    lane = Lane(engine, 1, "sql-copy")
    try:
        return lane.transact(_snapshot)
    finally:
        lane.close()


def _snapshot(connection: Connection) -> Snapshot:
    schema = version(connection)
    if schema is None:
        raise Unavailable("The database has no schema yet.", hint="Start the service once.")
    rows = connection.execute(_ORIGINALS).mappings()
    return Snapshot(schema=schema, originals=tuple(Wanted(**row) for row in rows))
