"""Engines for SQLite and PostgreSQL, set so that a committed transaction is on the disk."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from imagewright.core.errors import Unavailable

_POSTGRES = "postgresql+psycopg"
_LOCK_SECONDS = 10
_AGAIN = 0.02


class NotMade(Unavailable):
    """There is no database yet: no service was started on it."""


def read_url(text: str) -> URL:
    """A database's address: `sqlite:////path/to/file` or `postgresql://…`. Raises Unavailable."""
    hint = 'Write it like "sqlite:////var/lib/imagewright/imagewright.db" or "postgresql://…".'
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise Unavailable("The database's address cannot be read.", hint=hint) from error
    if url.drivername in {"postgresql", "postgres", _POSTGRES}:
        return url.set(drivername=_POSTGRES)
    if url.drivername == "sqlite" and url.database not in {None, ":memory:"} and not url.query:
        return url
    raise Unavailable("The database is neither a SQLite file nor PostgreSQL.", hint=hint)


def prepare_file(path: Path) -> None:
    """Make the SQLite file, or set the one that is there, to be its owner's alone.

    Raises Unavailable where it cannot be opened.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except OSError as error:
        raise Unavailable(
            f"The database file {path} cannot be opened: {error.strerror}.",
            hint="Make its directory, owned by the service's user.",
        ) from error


def beside_engine(url: URL, busy_seconds: float, *, writer: bool) -> Engine:
    """An engine of one connection that makes no file, and writes only if it is a writer.

    Raises NotMade where a SQLite file is not there.
    """
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise NotMade(f"There is no database {path}.", hint="Start the service once.")
        address = f"file:{quote(str(path.resolve()))}"
        # Not mode=ro: it would leave the log's files behind where no service runs. A connection
        # that is no writer's refuses every write.
        there = url.set(database=address, query={"mode": "rw", "uri": "true"})
        return sqlite_engine(there, writer=writer, pool=1, busy_seconds=busy_seconds)
    if writer:
        return postgres_engine(url, pool=1)
    given = str(url.query.get("options", ""))
    options = f"{given} -c default_transaction_read_only=on".strip()
    return postgres_engine(url.update_query_dict({"options": options}), pool=1)


def sqlite_engine(url: URL, *, writer: bool, pool: int, busy_seconds: float) -> Engine:
    """An engine whose transactions all write, or never do."""
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": busy_seconds},
    )

    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        if _journal(connection, "") != "wal" and _to_wal(connection, busy_seconds) != "wal":
            raise Unavailable(
                "The database's file system keeps no write-ahead log.",
                hint="Put the file on a local disk.",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        if not writer:
            connection.execute("PRAGMA query_only = ON")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _to_wal(connection: sqlite3.Connection, seconds: float) -> str:
    """The journal mode after the change to a log, which SQLite itself waits for nobody with."""
    until = time.monotonic() + seconds
    while True:
        try:
            return _journal(connection, " = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
        time.sleep(_AGAIN)


def _journal(connection: sqlite3.Connection, change: str) -> str:
    """The journal mode, after a change if there is one."""
    return str(connection.execute(f"PRAGMA journal_mode{change}").fetchone()[0])


def postgres_engine(url: URL, *, pool: int) -> Engine:
    """An engine that gives up on a lock after ten seconds; `Lane` meets a server that came back."""
    arguments: dict[str, Any] = {
        "connect_timeout": _LOCK_SECONDS,
        "application_name": "imagewright",
        "options": f"-c lock_timeout={_LOCK_SECONDS}s -c synchronous_commit=on",
    }
    given = {name: value for name, value in arguments.items() if name not in url.query}
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,
        connect_args=given,
    )
