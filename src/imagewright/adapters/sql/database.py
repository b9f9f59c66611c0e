"""A database as the adapters use it: transactions that write, transactions that read."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path

from imagewright.adapters.sql.engines import (
    beside_engine,
    postgres_engine,
    prepare_file,
    read_url,
    sqlite_engine,
)
from imagewright.adapters.sql.lane import Lane, Result, Work
from imagewright.adapters.sql.schema import Migrated, bring, check, version
from imagewright.core.errors import Unavailable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlConfig:
    """Where the database is, and how many connections may read it (PostgreSQL: use it) at once.

    `busy_seconds` is how long a write waits for another process that writes to the same file.
    """

    url: str = field(repr=False)
    pool: int = 8
    busy_seconds: float = 5.0


class Database:
    """SQLite has one thread that writes and a few that read; PostgreSQL has one pool for both."""

    def __init__(self, config: SqlConfig) -> None:
        self._config = config
        self._writer: Lane | None = None
        self._reader: Lane | None = None

    async def open(self) -> Migrated | None:
        """Connect, and bring the schema up to date if it is not; what was done for that.

        Raises Unavailable where the database cannot be reached or is newer than this program,
        and StorageFull where there is no room for a copy of what is to be migrated.
        """
        done = await asyncio.to_thread(self._open, older=True)
        if done is not None and done.before is not None:
            told = {"before": done.before, "now": done.now, "copy": str(done.copy or "none")}
            _log.info("database migrated", extra=told)
        return done

    async def open_or_make(self) -> None:
        """Connect beside a service, or make what no service has made yet; nothing is migrated.

        Raises Unavailable where the database cannot be reached or its schema is not this program's.
        """
        await asyncio.to_thread(self._open, older=False)

    async def open_beside(self, *, write: bool = False) -> None:
        """Connect to what a service has made, beside it: nothing is made or migrated.

        Unless `write` is said, nothing can be written either. Raises NotMade where there is no
        database, and Unavailable where it is away or its schema is not this program's.
        """
        await asyncio.to_thread(self._open_beside, write=write)

    async def schema(self) -> str | None:
        """The migration that the database is at, looked at beside whoever uses it.

        None for a database with no schema yet. Raises NotMade where there is none at all, and
        Unavailable.
        """
        return await asyncio.to_thread(self._schema)

    async def close(self) -> None:
        """Let what was asked for complete, then close; SQLite's log is folded into its file."""
        await asyncio.to_thread(self._close)

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that may write; see `Lane.run`."""
        return await _opened(self._writer).run(work)

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that only reads; see `Lane.run`."""
        return await _opened(self._reader).run(work)

    def turns(self) -> bool:
        """Whether SQLite's thread that writes has ended anything since the last look, or rests.

        PostgreSQL's threads wait for a server, whose silence is no fault of this process: they
        always count as turning.
        """
        writer = self._writer
        return writer is None or writer is self._reader or writer.turned()

    def _schema(self) -> str | None:
        engine = beside_engine(read_url(self._config.url), self._config.busy_seconds, writer=False)
        lane = Lane(engine, 1, "sql-look")
        try:
            return lane.transact(version)
        finally:
            lane.close()

    def _open(self, *, older: bool) -> Migrated | None:
        config, url = self._config, read_url(self._config.url)
        if url.drivername == "sqlite":
            prepare_file(Path(url.database or ""))
            writer = sqlite_engine(url, writer=True, pool=1, busy_seconds=config.busy_seconds)
            reader = sqlite_engine(
                url, writer=False, pool=config.pool, busy_seconds=config.busy_seconds
            )
            self._writer = Lane(writer, 1, "sql-write")
            self._reader = Lane(reader, config.pool, "sql-read")
        else:
            engine = postgres_engine(url, pool=config.pool)
            self._writer = self._reader = Lane(engine, config.pool, "sql")
        try:
            return bring(self._writer, older=older)
        except BaseException:
            self._close()
            raise

    def _open_beside(self, *, write: bool) -> None:
        url, busy_seconds = read_url(self._config.url), self._config.busy_seconds
        self._reader = Lane(beside_engine(url, busy_seconds, writer=False), 1, "sql-read")
        if write:
            self._writer = Lane(beside_engine(url, busy_seconds, writer=True), 1, "sql-write")
        try:
            check(self._reader)
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        writer, reader = self._writer, self._reader
        self._writer = self._reader = None
        if reader is not None and reader is not writer:
            reader.close()
        if writer is not None:
            writer.close()


def _opened(lane: Lane | None) -> Lane:
    if lane is None:
        raise Unavailable("The database is not open.")
    return lane
