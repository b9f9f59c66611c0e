"""Answers to open quotes in SQL: each method is one transaction."""

from functools import partial

from sqlalchemy import ColumnElement, Connection, and_, select, update

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found, quote_of
from imagewright.adapters.sql.subjects import number_of
from imagewright.adapters.sql.tables import quotes, subjects
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.caller import Caller
from imagewright.core.quote import OpenQuote
from imagewright.ports.approvals import Link, Reply, gone

_FIND = select(quotes, subjects.c.name.label("whose")).join(
    subjects, subjects.c.number == quotes.c.subject
)
_UNAPPROVED = quotes.c.approved_at.is_(None)


class SqlApprovals:
    """`ports.approvals.Approvals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, subject: str, now: int) -> tuple[OpenQuote, ...]:
        return await self._database.read(partial(_of, subject=subject, now=now))

    async def get(self, subject: str, quote: str, now: int) -> OpenQuote:
        return await self._database.read(partial(_get, subject=subject, quote=quote, now=now))

    async def answer(self, caller: Caller, quote: str, reply: Reply) -> OpenQuote:
        return await self._database.write(partial(_answer, caller=caller, quote=quote, reply=reply))

    async def link(self, caller: Caller, link: Link) -> OpenQuote | None:
        return await self._database.write(partial(_link, caller=caller, link=link))

    async def behind(self, digest: str, now: int) -> OpenQuote:
        return await self._database.read(partial(_behind, digest=digest, now=now))

    async def answer_link(self, digest: str, reply: Reply) -> OpenQuote:
        return await self._database.write(partial(_answer_link, digest=digest, reply=reply))


def _open(now: int) -> ColumnElement[bool]:
    return and_(quotes.c.closed_at.is_(None), quotes.c.expires_at > now)


def _linked(digest: str, now: int) -> ColumnElement[bool]:
    return and_(_open(now), quotes.c.link == digest, _UNAPPROVED)


def _owned(connection: Connection, subject: str, quote: str, now: int) -> ColumnElement[bool]:
    number = number_of(connection, subject)
    return and_(_open(now), quotes.c.id == quote, quotes.c.subject == number)


def _of(connection: Connection, subject: str, now: int) -> tuple[OpenQuote, ...]:
    newest = (quotes.c.created_at.desc(), quotes.c.id.desc())
    number = number_of(connection, subject)
    query = _FIND.where(quotes.c.subject == number, _open(now)).order_by(*newest)
    return tuple(_open_of(row) for row in connection.execute(query).mappings())


def _get(connection: Connection, subject: str, quote: str, now: int) -> OpenQuote:
    return _open_of(_one(connection, _owned(connection, subject, quote, now)))


def _behind(connection: Connection, digest: str, now: int) -> OpenQuote:
    return _open_of(_one(connection, _linked(digest, now)))


def _answer(connection: Connection, caller: Caller, quote: str, reply: Reply) -> OpenQuote:
    which = _owned(connection, caller.subject, quote, reply.at)
    found = _one(connection, which)
    if _enter(connection, which, reply):
        _record(connection, found, caller.credential.id, reply)
    elif not reply.yes:
        raise gone()
    return _open_of(_one(connection, which) if reply.yes else found)


def _answer_link(connection: Connection, digest: str, reply: Reply) -> OpenQuote:
    which = _linked(digest, reply.at)
    found = _one(connection, which)
    if not _enter(connection, which, reply):
        raise gone()
    _record(connection, found, reply.way.value, reply)
    return _open_of(found)


def _enter(connection: Connection, which: ColumnElement[bool], reply: Reply) -> bool:
    """False for whoever comes second."""
    statement = update(quotes).where(which, _open(reply.at))
    if reply.yes:
        statement = statement.where(_UNAPPROVED).values(approved_at=reply.at)
    else:
        statement = statement.values(closed_at=reply.at, told=None)
    return connection.execute(statement).rowcount == 1


def _link(connection: Connection, caller: Caller, link: Link) -> OpenQuote | None:
    which = _owned(connection, caller.subject, link.quote, link.at)
    statement = update(quotes).where(which, quotes.c.link.is_(None), _UNAPPROVED)
    if connection.execute(statement.values(link=link.digest)).rowcount != 1:
        return None
    found = _one(connection, which)
    deed = Deed(
        subject=found["subject"],
        credential=caller.credential.id,
        action="link",
        thing=found["id"],
        outcome="made",
        amount=found["ceiling"],
    )
    record(connection, deed, link.at, link.origin)
    return _open_of(found)


def _record(connection: Connection, found: Found, credential: str, reply: Reply) -> None:
    deed = Deed(
        subject=found["subject"],
        credential=credential,
        action="answer",
        thing=found["id"],
        outcome="approved" if reply.yes else "declined",
        reason=reply.way.value,
        amount=found["ceiling"],
    )
    record(connection, deed, reply.at, reply.origin)


def _one(connection: Connection, which: ColumnElement[bool]) -> Found:
    row = connection.execute(_FIND.where(which)).mappings().one_or_none()
    if row is None:
        raise gone()
    return row


def _open_of(row: Found) -> OpenQuote:
    return OpenQuote(
        subject=row["whose"],
        quote=quote_of(row),
        since=row["created_at"],
        approved_at=row["approved_at"],
    )
