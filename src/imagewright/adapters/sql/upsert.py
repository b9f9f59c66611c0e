"""Inserts that give way to a row that is there: one syntax, two constructs in SQLAlchemy."""

from functools import cache

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import sqlite

from imagewright.adapters.sql.rows import Values


def insert_for(dialect: str, table: Table) -> sqlite.Insert:
    """An insert that takes `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    # It takes the same two methods, and importing it costs a start on SQLite 20 ms.
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - as said

    return postgresql.insert(table)  # type: ignore[return-value]  # the two kinds share no base


@cache
def _missing(dialect: str, table: Table) -> Executable:
    return insert_for(dialect, table).on_conflict_do_nothing()


def insert_missing(connection: Connection, table: Table, values: Values) -> None:
    """Insert a row unless one with its key is there."""
    connection.execute(_missing(connection.dialect.name, table), values)
