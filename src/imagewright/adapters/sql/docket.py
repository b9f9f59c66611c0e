"""The docket in SQL."""

from functools import partial

from sqlalchemy import Connection, Select, and_, func, select, update

from imagewright.adapters.sql.adjustment import adjust
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.ledger import conclude
from imagewright.adapters.sql.rows import Found, Values, job_of
from imagewright.adapters.sql.subjects import enrol
from imagewright.adapters.sql.tables import JOINED, jobs, subjects
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.adjustment import Adjustment
from imagewright.core.audit import OPERATOR, written
from imagewright.core.errors import InvalidRequest, NotFound, Resolved
from imagewright.core.job import Job, State
from imagewright.core.resolution import Backlog, Resolution
from imagewright.core.revocation import Warrant

_LISTED: Select[tuple[object, ...]] = select(subjects.c.name.label("whose"), *jobs.c).join_from(
    jobs, subjects, subjects.c.number == jobs.c.subject
)
# With the partial index's own condition beside it, so that few rows are looked at.
_UNKNOWN = and_(JOINED, jobs.c.state == State.OUTCOME_UNKNOWN.value)
_HINT = "List them with: imagewright jobs list --state outcome_unknown"


class SqlDocket:
    """`ports.docket.Docket`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def jobs(self, state: State | None, subject: str | None, limit: int) -> tuple[Job, ...]:
        query = _LISTED.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(jobs.c.state == state.value)
        if subject is not None:
            query = query.where(subjects.c.name == subject)
        return await self._database.read(
            lambda connection: tuple(map(_job, connection.execute(query).mappings()))
        )

    async def backlog(self) -> tuple[Backlog, ...]:
        query = (
            select(jobs.c.provider, func.count(), func.min(jobs.c.finished_at))
            .where(_UNKNOWN)
            .group_by(jobs.c.provider)
            .order_by(jobs.c.provider)
        )
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(
            Backlog(provider=provider, count=count, oldest=oldest)
            for provider, count, oldest in found
        )

    async def resolve(self, resolution: Resolution) -> Job:
        return await self._database.write(partial(_resolve, resolution=resolution))

    async def ask_again(self, job: str, warrant: Warrant) -> Job:
        return await self._database.write(partial(_ask_again, id=job, warrant=warrant))


def _resolve(connection: Connection, resolution: Resolution) -> Job:
    row = _unknown(connection, resolution.job)
    warrant = resolution.warrant
    settled, above = resolution.split(_job(row))
    conclude(connection, row, settled, warrant.at)
    changed: Values = {
        "state": State.FAILED.value,
        "actual": settled.amount,
        "error_code": Resolved.code,
        "error_sentence": resolution.sentence,
    }
    _change(connection, row, changed)
    signed = None if resolution.signed is None else written({"by": resolution.signed}).decode()
    deed = Deed(
        subject=enrol(connection, OPERATOR),
        credential=warrant.by,
        action="resolve",
        thing=f"{row['provider']}/{row['model']}",
        outcome=resolution.outcome,
        reason=warrant.reason,
        job=row["id"],
        amount=settled.amount,
        shape=signed,
    )
    record(connection, deed, warrant.at)
    if above:
        more = Adjustment(
            job=row["id"], amount=above, reference="above the ceiling", warrant=warrant
        )
        adjust(connection, more)
        changed["actual"] = settled.amount + above
    return _job({**row, **changed})


def _ask_again(connection: Connection, id: str, warrant: Warrant) -> Job:
    row = _unknown(connection, id)
    if row["request"] is None:
        raise InvalidRequest(
            "The job's provider told nothing that it could be asked by.",
            hint="Look at its bill, then say --charged or --not-charged.",
        )
    changed: Values = {
        "state": State.RUNNING.value,
        "attempt": row["attempt"] + 1,
        "owner": None,
        "lease_until": None,
        "due": warrant.at,
        "finished_at": None,
        "error_code": None,
        "error_sentence": None,
    }
    _change(connection, row, changed)
    deed = Deed(
        subject=enrol(connection, OPERATOR),
        credential=warrant.by,
        action="resolve",
        thing=f"{row['provider']}/{row['model']}",
        outcome=Resolution.ASKED,
        reason=warrant.reason,
        job=row["id"],
    )
    record(connection, deed, warrant.at)
    return _job({**row, **changed})


def _unknown(connection: Connection, id: str) -> Found:
    """The job's row, which nobody else changes meanwhile."""
    query = _LISTED.where(jobs.c.id == id).with_for_update(of=jobs)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such job.", hint=_HINT)
    if row["state"] != State.OUTCOME_UNKNOWN.value:
        raise InvalidRequest(
            f"The job is {row['state']}: only what became of an outcome_unknown is open.",
            hint=_HINT,
        )
    return row


def _change(connection: Connection, row: Found, changed: Values) -> None:
    connection.execute(update(jobs).where(jobs.c.id == row["id"]).values(**changed))


def _job(row: Found) -> Job:
    return job_of(row, row["whose"])
