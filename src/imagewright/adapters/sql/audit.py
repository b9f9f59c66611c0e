"""The audit in SQL: lines entered and read, and the chain closed over them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from sqlalchemy import ColumnElement, Connection, Select, func, insert, or_, select

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found, storable
from imagewright.adapters.sql.subjects import enrol, number_of
from imagewright.adapters.sql.tables import audit, seals, subjects
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.audit import Entry
from imagewright.core.chain import MOST, ChainKey, Seal, next_seal, unsealed
from imagewright.core.ranges import HIGHEST, Ranges
from imagewright.ports.audit import Note
from imagewright.ports.books import Origin

_SPANS = 100
"""Conditions of one query; SQLite takes a thousand at most."""
_COLUMNS = tuple(column for column in audit.c if column.name != "subject")
_LINES: Select[tuple[object, ...]] = select(
    func.coalesce(subjects.c.name, "").label("subject"), *_COLUMNS
).select_from(audit.outerjoin(subjects, subjects.c.number == audit.c.subject))
# Outer: a line whose subject was taken away is a line that was changed, not one that is gone.
_SEALS = select(seals)
_LAST = _SEALS.order_by(seals.c.number.desc()).limit(1)


class SqlAudit:
    """`ports.audit.Audit`."""

    def __init__(self, database: Database, key: ChainKey) -> None:
        self._database = database
        self._key = key

    async def enter(self, notes: tuple[Note, ...]) -> None:
        await self._database.write(partial(enter_notes, notes=notes))

    async def seal(self, now: int) -> Seal | None:
        if not await self._database.read(_anything_open):
            return None
        return await self._database.write(partial(_seal, now=now, key=self._key))

    async def seals(self, after: int, limit: int) -> tuple[Seal, ...]:
        query = _SEALS.where(seals.c.number > after).order_by(seals.c.number).limit(limit)
        return await self._database.read(
            lambda connection: tuple(map(_seal_of, connection.execute(query).mappings()))
        )

    async def entries(self, ids: Ranges, limit: int) -> tuple[Entry, ...]:
        return await self._database.read(partial(_entries, ids=ids, limit=limit))

    async def count(self, ids: Ranges) -> int:
        return await self._database.read(partial(_count, ids=ids))

    async def newest(self, limit: int, subject: str | None = None) -> tuple[Entry, ...]:
        query = _LINES.order_by(audit.c.id.desc()).limit(limit)
        if subject is not None:
            query = query.where(subjects.c.name == subject)
        found = await self._database.read(
            lambda connection: connection.execute(query).mappings().all()
        )
        return tuple(_entry_of(row) for row in reversed(found))


def enter_note(connection: Connection, note: Note) -> None:
    """Enter a line inside a transaction that does what the line tells of."""
    # Not enrolled where it is known: that would keep the subject's admissions waiting.
    number = number_of(connection, note.subject)
    deed = Deed(
        subject=enrol(connection, note.subject) if number is None else number,
        credential=storable(note.credential) or "",
        action=note.action,
        thing=storable(note.thing) or "",
        outcome=note.outcome,
        reason=note.reason,
        shape=storable(note.shape),
        count=note.count,
    )
    record(connection, deed, note.at, note.origin and _storable(note.origin))


def _storable(origin: Origin) -> Origin:
    """A client's own words: one that no database keeps must not hold up all other lines."""
    return replace(origin, request=storable(origin.request) or "", client=storable(origin.client))


def enter_notes(connection: Connection, notes: Iterable[Note]) -> None:
    """As `enter_note`, for several."""
    # In one order, so that two processes never wait for each other's subjects in a circle.
    for note in sorted(notes, key=lambda note: note.subject):
        enter_note(connection, note)


def _anything_open(connection: Connection) -> bool:
    return bool(_entries(connection, unsealed(_last(connection), HIGHEST), 1))


def _seal(connection: Connection, now: int, key: ChainKey) -> Seal | None:
    last = _last(connection)
    entries = _entries(connection, unsealed(last, HIGHEST), MOST)
    if not entries:
        return None
    seal = next_seal(last, entries, now, key)
    values = {column.name: getattr(seal, column.name) for column in seals.c}
    connection.execute(insert(seals), values)
    return seal


def _last(connection: Connection) -> Seal | None:
    row = connection.execute(_LAST).mappings().one_or_none()
    return None if row is None else _seal_of(row)


def _entries(connection: Connection, ids: Ranges, limit: int) -> tuple[Entry, ...]:
    found: list[Entry] = []
    for condition in _conditions(ids):
        query = _LINES.where(condition).order_by(audit.c.id).limit(limit - len(found))
        found += map(_entry_of, connection.execute(query).mappings())
        if len(found) == limit:
            break
    return tuple(found)


def _count(connection: Connection, ids: Ranges) -> int:
    lines = select(func.count()).select_from(audit)
    return sum(
        connection.execute(lines.where(condition)).scalar_one() for condition in _conditions(ids)
    )


def _conditions(ids: Ranges) -> Iterator[ColumnElement[bool]]:
    for start in range(0, len(ids.spans), _SPANS):
        spans = ids.spans[start : start + _SPANS]
        yield or_(*(audit.c.id.between(first, last) for first, last in spans))


def _entry_of(row: Found) -> Entry:
    return Entry(**row)


def _seal_of(row: Found) -> Seal:
    return Seal(**row)
