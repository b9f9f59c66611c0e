"""A subject's number, which every other table points at."""

from sqlalchemy import Connection, bindparam, select

from imagewright.adapters.sql.tables import subjects
from imagewright.adapters.sql.upsert import insert_missing

_NUMBER = select(subjects.c.number).where(subjects.c.name == bindparam("name"))
_LOCKED = _NUMBER.with_for_update(key_share=True)
"""FOR NO KEY UPDATE: rows that point at the subject can be entered meanwhile."""


def number_of(connection: Connection, subject: str) -> int | None:
    """The subject's number, or None for one that never entered anything."""
    return connection.scalar(_NUMBER, {"name": subject})


def enrol(connection: Connection, subject: str) -> int:
    """The subject's number, given now if it has none; no other transaction enrols it meanwhile."""
    number: int | None = connection.scalar(_LOCKED, {"name": subject})
    if number is not None:
        return number
    insert_missing(connection, subjects, {"name": subject})
    return int(connection.execute(_LOCKED, {"name": subject}).scalar_one())
