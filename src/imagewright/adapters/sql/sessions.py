"""Sessions in SQL: each method is one transaction."""

import json
from functools import partial

from sqlalchemy import Connection, delete, insert, select, update

from imagewright.adapters.sql.audit import enter_note
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found, caller_values, storable
from imagewright.adapters.sql.subjects import enrol
from imagewright.adapters.sql.tables import sessions, subjects
from imagewright.core.caller import Caller, Credential
from imagewright.core.session import How, Session
from imagewright.ports.audit import Note
from imagewright.ports.sessions import MOST

_FIND = select(sessions, subjects.c.name.label("whose")).join(
    subjects, subjects.c.number == sessions.c.subject
)


class SqlSessions:
    """`ports.sessions.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, session: Session, instead_of: str | None, note: Note) -> None:
        await self._database.write(
            partial(_begin, session=session, instead_of=instead_of, note=note)
        )

    async def find(self, id: str) -> Session | None:
        return await self._database.read(partial(_find, id=id))

    async def touch(self, id: str, seen_at: int) -> None:
        await self._database.write(partial(_touch, id=id, seen_at=seen_at))

    async def end(self, id: str, note: Note | None = None) -> None:
        await self._database.write(partial(_end, id=id, note=note))


def _begin(connection: Connection, session: Session, instead_of: str | None, note: Note) -> None:
    connection.execute(delete(sessions).where(sessions.c.ends_at <= session.began_at))
    if instead_of is not None:
        _end(connection, instead_of)
    number = enrol(connection, session.caller.subject)
    newest = (
        select(sessions.c.id)
        .where(sessions.c.subject == number)
        .order_by(sessions.c.began_at.desc(), sessions.c.id)
        .offset(MOST - 1)
    )
    for id in connection.scalars(newest).all():
        _end(connection, id)
    values = {
        **caller_values(session.caller),
        "id": session.id,
        "subject": number,
        "name": storable(session.caller.name),
        "how": session.how.value,
        "approves": session.approves,
        "proof": session.proof,
        "began_at": session.began_at,
        "seen_at": session.seen_at,
        "ends_at": session.ends_at,
    }
    connection.execute(insert(sessions).values(values))
    enter_note(connection, note)


def _find(connection: Connection, id: str) -> Session | None:
    row = connection.execute(_FIND.where(sessions.c.id == id)).mappings().first()
    return None if row is None else _session_of(row)


def _touch(connection: Connection, id: str, seen_at: int) -> None:
    earlier = (sessions.c.id == id) & (sessions.c.seen_at < seen_at)
    connection.execute(update(sessions).where(earlier).values(seen_at=seen_at))


def _end(connection: Connection, id: str, note: Note | None = None) -> None:
    gone = connection.execute(delete(sessions).where(sessions.c.id == id))
    if note is not None and gone.rowcount:
        enter_note(connection, note)


def _session_of(row: Found) -> Session:
    scopes = row["scopes"]
    return Session(
        id=row["id"],
        caller=Caller(
            subject=row["whose"],
            groups=frozenset(json.loads(row["groups"])),
            credential=Credential(
                id=row["credential"],
                scopes=None if scopes is None else frozenset(json.loads(scopes)),
            ),
            name=row["name"],
        ),
        how=How(row["how"]),
        began_at=row["began_at"],
        seen_at=row["seen_at"],
        ends_at=row["ends_at"],
        approves=row["approves"],
        proof=row["proof"],
    )
