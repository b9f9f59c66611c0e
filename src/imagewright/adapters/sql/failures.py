"""What a database's failures mean to a caller."""

import sqlite3

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from imagewright.core.errors import Fault, InvalidRequest, StorageFull, Unavailable

_UNIQUE = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    "23505",
}
_OUTRUN = {"40001", "40P01"}
_FULL = {sqlite3.SQLITE_FULL, "53100"}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, "55P03", *_OUTRUN}


def _code(error: DBAPIError) -> int | str | None:
    """SQLite's extended error code, or PostgreSQL's SQLSTATE."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code if code is not None else getattr(error.orig, "sqlstate", None)


def outrun(error: DBAPIError) -> bool:
    """Whether another transaction came first, so that this one may be tried again at once."""
    code = _code(error)
    return code in _OUTRUN or (isinstance(error, IntegrityError) and code in _UNIQUE)


def fault(error: SQLAlchemyError) -> Fault | None:
    """The fault a caller meets, or None where the error is a mistake of ours."""
    if isinstance(error, PoolTimeout):
        return _busy()
    if isinstance(error, DataError):
        return unstorable()
    if not isinstance(error, DBAPIError) or not _of_the_server(error):
        return None
    code = _code(error)
    primary = code & 0xFF if isinstance(code, int) else code
    if primary in _FULL:
        return StorageFull(
            "The disk that the database is on is full.", hint="Tell the operator; nothing was lost."
        )
    return _busy() if primary in _BUSY else _away()


def _of_the_server(error: DBAPIError) -> bool:
    """Whether the database failed, not the statement it was given."""
    if isinstance(error, OperationalError):
        return _code(error) != sqlite3.SQLITE_ERROR
    if isinstance(error, InterfaceError | InternalError):
        return True
    return type(error.orig) is sqlite3.DatabaseError  # a file that is no database, or a broken one


def unstorable() -> Fault:
    """What a NUL, half a surrogate pair or a number beyond 64 bits is answered with."""
    return InvalidRequest(
        "A value holds what the database cannot keep.", hint="Send valid Unicode text, no NUL."
    )


def _busy() -> Fault:
    return Unavailable("The database is busy.", hint="Try again shortly.")


def _away() -> Fault:
    return Unavailable("The database is away.", hint="Try again shortly; else tell the operator.")
