"""The jobs table: claims, leases and what is told of them."""

from functools import partial

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)

from imagewright.adapters.sql.bulk import read_group
from imagewright.adapters.sql.claims import claim
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.revocations import check
from imagewright.adapters.sql.rows import Found, job_of, storable
from imagewright.adapters.sql.subjects import number_of
from imagewright.adapters.sql.tables import CARRIED_OUT, JOINED, QUEUED, RUNNING, jobs
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.batch import Group
from imagewright.core.errors import NotFound, OutcomeUnknown
from imagewright.core.job import JOINABLE, Job, State
from imagewright.core.money import FREE
from imagewright.ports.jobs import Lease, Own, Recovered

_MINE = and_(jobs.c.id == bindparam("of_job"), jobs.c.attempt == bindparam("of_attempt"), RUNNING)
_RELEASED = {"owner": None, "lease_until": None}


class SqlJobs:
    """`ports.jobs.Jobs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, lease: Lease, running: int, now: int, own: Own | None = None
    ) -> Job | None:
        return await self._database.write(
            partial(claim, lease=lease, running=running, now=now, own=own)
        )

    async def start(self, job: Job, owner: str, now: int) -> bool:
        return await self._database.write(partial(_start, job=job, owner=owner, now=now))

    async def renew(self, lease: Lease) -> frozenset[str]:
        return await self._database.write(partial(_renew, lease=lease))

    async def report(self, job: Job, stage: str, done: int, total: int) -> None:
        values = {"stage": storable(stage), "done": done, "total": total}
        statement = update(jobs).where(_MINE).values(**values)
        await self._database.write(
            lambda connection: connection.execute(statement, _attempt(job)).close()
        )

    async def track(self, job: Job, request: str | None) -> None:
        statement = update(jobs).where(_MINE).values(request=storable(request))
        await self._database.write(
            lambda connection: connection.execute(statement, _attempt(job)).close()
        )

    async def put_aside(self, job: Job, owner: str, request: str, due: int) -> bool:
        values = {"request": storable(request), "due": due, **_RELEASED}
        statement = update(jobs).where(_MINE, jobs.c.owner == owner).values(**values)
        return await self._database.write(
            lambda connection: connection.execute(statement, _attempt(job)).rowcount == 1
        )

    async def reopen(self, job: Job, lease: Lease) -> Job | None:
        return await self._database.write(partial(_reopen, job=job, lease=lease))

    async def get(self, subject: str, job: str) -> Job:
        return await self._database.read(
            lambda connection: job_of(_own(connection, subject, job), subject)
        )

    async def group(self, subject: str, group: str) -> tuple[Group, tuple[Job, ...]]:
        return await self._database.read(partial(read_group, subject=subject, group=group))

    async def list(
        self, subject: str, *, open_only: bool, limit: int, before: str | None
    ) -> tuple[Job, ...]:
        return await self._database.read(
            partial(_list, subject=subject, open_only=open_only, limit=limit, before=before)
        )

    async def recover(self, now: int, *, sole: bool) -> Recovered:
        return await self._database.write(partial(_recover, now=now, sole=sole))

    async def counts(self) -> dict[str, int]:
        query = select(jobs.c.state, func.count()).where(JOINED).group_by(jobs.c.state)
        found: dict[str, int] = await self._database.read(
            lambda connection: dict(connection.execute(query).all())
        )
        return {state.value: found.get(state.value, 0) for state in sorted(JOINABLE)}


def _start(connection: Connection, job: Job, owner: str, now: int) -> bool:
    statement = (
        update(jobs)
        .where(_MINE, jobs.c.owner == owner, jobs.c.cancel.is_(false()))
        .values(started_at=now)
    )
    ours = connection.execute(statement, _attempt(job)).rowcount == 1
    check(connection, job.caller, job.provider, paid=job.ceiling > FREE)
    return ours


def _reopen(connection: Connection, job: Job, lease: Lease) -> Job | None:
    statement = (
        update(jobs)
        .where(
            jobs.c.id == job.id,
            jobs.c.attempt == job.attempt,
            jobs.c.state == State.OUTCOME_UNKNOWN.value,
            jobs.c.request.is_not(None),
        )
        .values(
            state=State.RUNNING.value,
            attempt=jobs.c.attempt + 1,
            owner=lease.owner,
            lease_until=lease.until,
            finished_at=None,
            error_code=None,
            error_sentence=None,
        )
        .returning(jobs)
    )
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else job_of(row, job.caller.subject)


def _attempt(job: Job) -> dict[str, object]:
    return {"of_job": job.id, "of_attempt": job.attempt}


def _own(connection: Connection, subject: str, job: str) -> Found:
    number = number_of(connection, subject)
    row = (
        connection.execute(select(jobs).where(jobs.c.id == job, jobs.c.subject == number))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("There is no such job.")
    return row


def _list(
    connection: Connection, subject: str, *, open_only: bool, limit: int, before: str | None
) -> tuple[Job, ...]:
    query = select(jobs).where(jobs.c.subject == number_of(connection, subject))
    if open_only:
        query = query.where(or_(QUEUED, RUNNING))
    if before is not None:
        last = _own(connection, subject, before)
        query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < (last["created_at"], last["id"]))
    query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
    return tuple(job_of(row, subject) for row in connection.execute(query).mappings())


def _renew(connection: Connection, lease: Lease) -> frozenset[str]:
    mine = and_(RUNNING, jobs.c.owner == lease.owner)
    connection.execute(update(jobs).where(mine).values(lease_until=lease.until))
    stopping = select(jobs.c.id).where(mine, jobs.c.cancel.is_(true()))
    return frozenset(connection.scalars(stopping))


def _recover(connection: Connection, now: int, *, sole: bool) -> Recovered:
    lost = CARRIED_OUT if sole else and_(CARRIED_OUT, jobs.c.lease_until <= now)
    rows = (
        connection.execute(
            select(jobs).where(lost).order_by(jobs.c.created_at).with_for_update(skip_locked=True)
        )
        .mappings()
        .all()
    )
    aside = [row["id"] for row in rows if row["request"] is not None]
    untold = [row for row in rows if row["request"] is None]
    unknown = [row for row in untold if row["started_at"] is not None and row["ceiling"]]
    requeued = [row["id"] for row in untold if row not in unknown]
    connection.execute(update(jobs).where(jobs.c.id.in_(aside)).values(due=now, **_RELEASED))
    connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(requeued))
        .values(state=State.QUEUED.value, stage=State.QUEUED.value, **_RELEASED)
    )
    connection.execute(
        update(jobs)
        .where(jobs.c.id.in_([row["id"] for row in unknown]))
        .values(
            state=State.OUTCOME_UNKNOWN.value,
            finished_at=now,
            error_code=OutcomeUnknown.code,
            error_sentence="The service was stopped while the provider worked on this.",
            **_RELEASED,
        )
    )
    for row in unknown:
        record(connection, _unknown(row), now)
    return Recovered(
        requeued=tuple(requeued),
        unknown=tuple(row["id"] for row in unknown),
        aside=tuple(aside),
    )


def _unknown(row: Found) -> Deed:
    return Deed(
        subject=row["subject"],
        credential=row["credential"],
        action="recover",
        thing=f"{row['provider']}/{row['model']}",
        outcome=State.OUTCOME_UNKNOWN.value,
        job=row["id"],
    )
