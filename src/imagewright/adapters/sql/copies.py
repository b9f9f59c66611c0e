"""Whole copies of a SQLite database, made while others read and write it."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from imagewright.core.errors import StorageFull, Unavailable

KEPT = 3
"""How many copies stay that were made before a migration."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIMARY = 0xFF


def keep(file: Path, schema: str) -> Path:
    """Copy a database beside itself, named for its schema and the time; the newest few stay.

    The caller holds the database's write lock, so that nobody else does it. Raises StorageFull
    or Unavailable, and then nothing new is left.
    """
    partial = file.with_name(f".{file.name}.copy")
    with _told():
        partial.unlink(missing_ok=True)
        copy(file, partial)
        made = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(partial.stat().st_mtime))
        kept = file.with_name(f"{file.name}.{schema}-{made}")
        partial.rename(kept)
        _sync(file.parent)
    for old in sorted(_copies(file), key=lambda each: each.name.rpartition("-")[2])[:-KEPT]:
        old.unlink(missing_ok=True)
    return kept


def copy(file: Path, target: Path) -> None:
    """Copy a database to a file that is not there yet: whole, checked, durable and mode 0600.

    It holds what was committed when the copy began. Raises OSError, sqlite3.Error or Unavailable;
    nothing is left of a copy that failed.
    """
    os.close(os.open(target, _CREATE, 0o600))
    try:
        with closing(_opened(file)) as source, closing(sqlite3.connect(target)) as made:
            source.execute("PRAGMA query_only = ON")
            source.backup(made)
            # One file alone: a log beside it would have to be copied too.
            made.execute("PRAGMA journal_mode = DELETE").fetchone()
            _check(made)
        _sync(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check(file: Path) -> None:
    """Read all of a database that nobody uses. Raises Unavailable for one that is damaged."""
    try:
        with closing(sqlite3.connect(f"{_address(file)}?mode=ro&immutable=1", uri=True)) as found:
            _check(found)
    except sqlite3.Error as error:
        raise _damaged() from error


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
        raise _damaged()
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise _damaged()


def _damaged() -> Unavailable:
    return Unavailable(
        "The database is damaged.", hint="Restore the last good backup, and look at the disk."
    )


def _opened(file: Path) -> sqlite3.Connection:
    # Not mode=ro: it would leave the log's files behind where no service runs.
    return sqlite3.connect(f"{_address(file)}?mode=rw", uri=True)


def _address(file: Path) -> str:
    return f"file:{quote(str(file.resolve()))}"


def _copies(file: Path) -> Iterator[Path]:
    stamp = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"
    return file.parent.glob(f"{file.name}.*-{stamp}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_FULL or (isinstance(error, OSError) and error.errno in _FULL):
            raise StorageFull(
                "The disk has no room for the copy that is made before a migration.",
                hint="Free as much as the database takes, and start again.",
            ) from error
        raise Unavailable(
            "The database could not be copied, so it was not migrated.",
            hint="The service's user must be able to write beside it.",
        ) from error
