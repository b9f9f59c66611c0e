"""The revocations table: entered, lifted, and asked by every admission and start."""

from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    insert,
    or_,
    select,
    text,
    update,
)

from imagewright.adapters.sql.conclusion import end_queued
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found, Values
from imagewright.adapters.sql.subjects import enrol, number_of
from imagewright.adapters.sql.tables import IN_FORCE, QUEUED, audit, jobs, revocations
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.audit import OPERATOR
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden, NotFound
from imagewright.core.money import FREE
from imagewright.core.revocation import Revocation, Target, Warrant, What

_ENDED = "What allowed this was revoked before it ran."
_AWAIT_WRITERS = text("LOCK TABLE jobs IN SHARE MODE")


def _is(what: What, parameter: str) -> ColumnElement[bool]:
    return and_(revocations.c.what == what.value, revocations.c.key == bindparam(parameter))


_WHO = or_(_is(What.TOKEN, "by_token"), _is(What.SUBJECT, "by_subject"))
_BARS = select(revocations.c.what).where(IN_FORCE, _WHO).limit(1)
_STOPS = (
    select(revocations.c.what)
    .where(
        IN_FORCE,
        or_(
            _WHO,
            _is(What.SPENDING_BY, "by_subject"),
            _is(What.SPENDING_AT, "at_provider"),
            _is(What.SPENDING, "everybody"),
        ),
    )
    .limit(1)
)
_ENTERED = {
    paid: insert(audit).returning(query.scalar_subquery())
    for paid, query in ((True, _STOPS), (False, _BARS))
}
"""A line of the audit, and what bars it: one turn to the server for both."""


def check(connection: Connection, caller: Caller, provider: str, *, paid: bool) -> None:
    """Raise Forbidden where the caller was revoked, or, if it pays, its spending.

    On PostgreSQL this comes after the transaction has written to the jobs, so that it waits for
    a revocation under way, or the revocation for it.
    """
    _refuse(connection.scalar(_STOPS if paid else _BARS, _whose(caller, provider, paid=paid)))


def check_and_enter(
    connection: Connection, caller: Caller, provider: str, line: Values, *, paid: bool
) -> None:
    """As `check`, where a line of the audit is to be entered with it."""
    values = {**line, **_whose(caller, provider, paid=paid)}
    _refuse(connection.scalar(_ENTERED[paid], values))


def _whose(caller: Caller, provider: str, *, paid: bool) -> Values:
    values: Values = {"by_token": caller.credential.id, "by_subject": caller.subject}
    return {**values, "at_provider": provider, "everybody": ""} if paid else values


def _refuse(found: object) -> None:
    if found is not None:
        raise Forbidden("What allowed this was revoked.", hint="Ask the operator.")


class SqlRevocations:
    """`ports.revocations.Revocations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def in_force(self) -> frozenset[Target]:
        return await self._database.read(_in_force)

    async def revoke(self, target: Target, warrant: Warrant) -> Revocation:
        return await self._database.write(partial(_revoke, target=target, warrant=warrant))

    async def end_queued(self, target: Target, warrant: Warrant) -> int:
        return await self._database.write(partial(_end, target=target, warrant=warrant))

    async def lift(self, target: Target, warrant: Warrant) -> Revocation:
        return await self._database.write(partial(_lift, target=target, warrant=warrant))

    async def list(self, *, lifted: bool, limit: int = 1000) -> tuple[Revocation, ...]:
        query = select(revocations).order_by(revocations.c.id.desc()).limit(limit)
        if not lifted:
            query = query.where(IN_FORCE)
        return await self._database.read(
            lambda connection: tuple(map(_revocation, connection.execute(query).mappings()))
        )


def _in_force(connection: Connection) -> frozenset[Target]:
    query = select(revocations.c.what, revocations.c.key).where(IN_FORCE)
    return frozenset(Target(what=What(what), key=key) for what, key in connection.execute(query))


def _of(target: Target) -> Select[Any]:
    return select(revocations).where(
        IN_FORCE, revocations.c.what == target.what.value, revocations.c.key == target.key
    )


def _revoke(connection: Connection, target: Target, warrant: Warrant) -> Revocation:
    if connection.dialect.name == "postgresql":
        # Whoever is entering or starting a job is done before this is in force, or sees it.
        connection.execute(_AWAIT_WRITERS)
    row = connection.execute(_of(target)).mappings().one_or_none()
    if row is None:
        connection.execute(
            insert(revocations),
            {
                "what": target.what.value,
                "key": target.key,
                "at": warrant.at,
                "by": warrant.by,
                "reason": warrant.reason,
            },
        )
    found = row or connection.execute(_of(target)).mappings().one()
    _record(connection, target, warrant, action="revoke")
    return _revocation(found)


def _end(connection: Connection, target: Target, warrant: Warrant) -> int:
    query = (
        select(jobs)
        .where(QUEUED, *_barred(connection, target))
        .order_by(jobs.c.id)
        .with_for_update()
    )
    rows = connection.execute(query).mappings().all()
    for row in rows:
        end_queued(connection, row, _ENDED, warrant.at)
        deed = Deed(
            subject=row["subject"],
            credential=row["credential"],
            action="revoke",
            thing=f"{row['provider']}/{row['model']}",
            outcome="canceled",
            reason=str(target),
            job=row["id"],
        )
        record(connection, deed, warrant.at)
    return len(rows)


def _barred(connection: Connection, target: Target) -> tuple[ColumnElement[bool], ...]:
    """The jobs that a target bars."""
    if target.what is What.TOKEN:
        return (jobs.c.credential == target.key,)
    if target.what is What.SUBJECT:
        return (jobs.c.subject == number_of(connection, target.key),)
    paid = jobs.c.ceiling > FREE
    if target.what is What.SPENDING_BY:
        return (paid, jobs.c.subject == number_of(connection, target.key))
    if target.what is What.SPENDING_AT:
        return (paid, jobs.c.provider == target.key)
    return (paid,)


def _lift(connection: Connection, target: Target, warrant: Warrant) -> Revocation:
    row = connection.execute(_of(target).with_for_update()).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such revocation in force.", hint="List those there are.")
    changed = {"lifted_at": warrant.at, "lifted_by": warrant.by}
    connection.execute(update(revocations).where(revocations.c.id == row["id"]).values(**changed))
    _record(connection, target, warrant, action="restore")
    return _revocation({**row, **changed})


def _record(connection: Connection, target: Target, warrant: Warrant, *, action: str) -> None:
    deed = Deed(
        subject=enrol(connection, OPERATOR),
        credential=warrant.by,
        action=action,
        thing=str(target),
        outcome="entered",
        reason=warrant.reason,
    )
    record(connection, deed, warrant.at)


def _revocation(row: Found) -> Revocation:
    return Revocation(
        target=Target(what=What(row["what"]), key=row["key"]),
        **{name: row[name] for name in ("id", "at", "by", "reason", "lifted_at", "lifted_by")},
    )
