"""Claiming the next job, fair between subjects."""

import json
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update

from imagewright.adapters.sql.rows import Found, job_of
from imagewright.adapters.sql.tables import ASIDE, CARRIED_OUT, QUEUED, jobs, subjects
from imagewright.core.caller import Caller
from imagewright.core.job import Job, State
from imagewright.ports.jobs import Lease, Own

_TRIES = 20
"""How often a worker that is outrun looks again before it waits for the next news."""


def _next() -> Select[Any]:
    busy = (
        select(jobs.c.subject, func.count().label("running"))
        .where(CARRIED_OUT)
        .group_by(jobs.c.subject)
        .subquery()
    )
    waiting = (
        select(jobs.c.subject, func.min(jobs.c.created_at).label("oldest"))
        .where(QUEUED)
        .group_by(jobs.c.subject)
        .subquery()
    )
    running = func.coalesce(busy.c.running, 0)
    return (
        select(waiting.c.subject)
        .select_from(waiting.outerjoin(busy, busy.c.subject == waiting.c.subject))
        .where(running < bindparam("most"))
        .where(waiting.c.subject.not_in(bindparam("passed", expanding=True)))
        .order_by(running, waiting.c.oldest, waiting.c.subject)
        .limit(1)
    )


_NEXT = _next()
_LOCK = (
    select(subjects.c.name)
    .where(subjects.c.number == bindparam("whose"))
    .with_for_update(key_share=True)
)
_OLDEST = (
    select(jobs.c.id)
    .where(QUEUED, jobs.c.subject == bindparam("whose"))
    .order_by(jobs.c.created_at, jobs.c.id)
    .limit(1)
    .scalar_subquery()
)
_RUNNING = (
    select(func.count())
    .select_from(jobs)
    .where(CARRIED_OUT, jobs.c.subject == bindparam("whose"))
    .scalar_subquery()
)
_NEXT_CALLER = select(jobs.c.groups).where(jobs.c.id == _OLDEST)
_TAKE = (
    update(jobs)
    .where(jobs.c.id == _OLDEST, QUEUED, bindparam("most") > _RUNNING)
    .values(
        state=State.RUNNING.value,
        stage="claimed",
        attempt=jobs.c.attempt + 1,
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        started_at=None,
    )
    .returning(jobs)
)


_DUE = (
    select(jobs.c.id)
    .where(ASIDE, jobs.c.due <= bindparam("at"))
    .order_by(jobs.c.due, jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_RESUME = (
    update(jobs)
    .where(jobs.c.id == _DUE, ASIDE)
    .values(
        attempt=jobs.c.attempt + 1,
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        due=None,
    )
    .returning(jobs)
)
_NAME = select(subjects.c.name).where(subjects.c.number == bindparam("whose"))


def claim(
    connection: Connection, lease: Lease, running: int, now: int, own: Own | None = None
) -> Job | None:
    """Take a job that was put aside and is due, else the next queued one."""
    values = {"at": now, "by": lease.owner, "until": lease.until}
    row = connection.execute(_RESUME, values).mappings().one_or_none()
    if row is not None:
        return job_of(row, connection.execute(_NAME, {"whose": row["subject"]}).scalar_one())
    return _claim_queued(connection, lease, running, own)


def _claim_queued(
    connection: Connection, lease: Lease, running: int, own: Own | None
) -> Job | None:
    """Take the next queued job.

    The subject's row is locked meanwhile, so that two workers cannot together take it past
    `running` or its own limit; a worker that finds its choice gone chooses again, and passes over
    a subject that runs as many as it may.
    """
    passed: list[int] = []
    tries = 0
    while tries < _TRIES:
        subject = connection.scalar(_NEXT, {"most": running, "passed": passed})
        if subject is None:
            return None
        name = connection.execute(_LOCK, {"whose": subject}).scalar_one()
        most = min(running, _own(connection, subject, name, own) or running)
        row = _take(connection, subject, lease, most)
        if row is not None:
            return job_of(row, name)
        if most < running:
            passed.append(subject)
        else:
            tries += 1
    return None


def _own(connection: Connection, subject: int, name: str, own: Own | None) -> int | None:
    """By the caller's own limit, as whoever asked for the oldest of its jobs."""
    groups = connection.scalar(_NEXT_CALLER, {"whose": subject}) if own is not None else None
    if own is None or groups is None:
        return None
    return own(Caller(subject=name, groups=frozenset(json.loads(groups))))


def _take(connection: Connection, subject: int, lease: Lease, running: int) -> Found | None:
    values = {"whose": subject, "most": running, "by": lease.owner, "until": lease.until}
    return connection.execute(_TAKE, values).mappings().one_or_none()
