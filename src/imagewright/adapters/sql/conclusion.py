"""Ending a job: settled by its worker, or cancelled by its caller."""

from sqlalchemy import Connection, select, update

from imagewright.adapters.sql.ledger import conclude
from imagewright.adapters.sql.pictures import enter_images
from imagewright.adapters.sql.rows import Found, Values, job_of, storable
from imagewright.adapters.sql.subjects import number_of
from imagewright.adapters.sql.tables import jobs
from imagewright.adapters.sql.trail import Deed, record
from imagewright.adapters.sql.turns import enter_turns
from imagewright.core.caller import Caller
from imagewright.core.errors import Canceled, NotFound
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.core.spending import Settled
from imagewright.core.verdict import Verdict
from imagewright.ports.books import Origin

CANCELED = "The job was cancelled before it ran."


def settle(connection: Connection, verdict: Verdict) -> bool:
    """Enter how a job ended; False unless it is running under that owner and attempt."""
    job = (
        connection.execute(
            select(jobs)
            .where(
                jobs.c.id == verdict.job,
                jobs.c.state == State.RUNNING.value,
                jobs.c.owner == verdict.owner,
                jobs.c.attempt == verdict.attempt,
            )
            .with_for_update()
        )
        .mappings()
        .one_or_none()
    )
    if job is None:
        return False
    enter_images(connection, job["subject"], verdict.images)
    enter_turns(connection, job["subject"], verdict.turns)
    changed = _ended(verdict)
    if verdict.settled is not None:
        conclude(connection, {**job, **changed}, verdict.settled, verdict.at)
    _change(connection, job, changed)
    deed = Deed(
        subject=job["subject"],
        credential=job["credential"],
        action="settle",
        thing=f"{job['provider']}/{job['model']}",
        outcome=verdict.state.value,
        reason=verdict.error_code,
        job=job["id"],
        amount=changed["actual"],
    )
    record(connection, deed, verdict.at)
    return True


def _ended(verdict: Verdict) -> Values:
    return {
        "state": verdict.state.value,
        "finished_at": verdict.at,
        "actual": None if verdict.settled is None else verdict.settled.amount,
        "made": len(verdict.images),
        "error_code": verdict.error_code,
        "error_sentence": storable(verdict.error_sentence),
        "outcome": storable(verdict.outcome),
    }


def cancel(connection: Connection, caller: Caller, job: str, origin: Origin, now: int) -> Job:
    """End a queued job, ask a running one to stop, leave an ended one. Raises NotFound."""
    row = (
        connection.execute(
            select(jobs)
            .where(jobs.c.id == job, jobs.c.subject == number_of(connection, caller.subject))
            .with_for_update()
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("There is no such job.")
    if row["state"] == State.QUEUED.value:
        changed = end_queued(connection, row, CANCELED, now)
    elif row["state"] == State.RUNNING.value and not row["cancel"]:
        # What was put aside is looked at soon, so that its vendor hears of it.
        due = None if row["due"] is None else now
        changed = {"state": row["state"], "cancel": True, "due": due}
        _change(connection, row, changed)
    else:
        return job_of(row, caller.subject)
    deed = Deed(
        subject=row["subject"],
        credential=caller.credential.id,
        action="cancel",
        thing=f"{row['provider']}/{row['model']}",
        outcome=changed["state"],
        job=row["id"],
    )
    record(connection, deed, now, origin)
    return job_of({**row, **changed}, caller.subject)


def end_queued(connection: Connection, job: Found, sentence: str, now: int) -> Values:
    """End a job that has not begun, and release its hold; the columns that changed."""
    conclude(connection, job, Settled(amount=FREE), now)
    changed: Values = {
        "state": State.CANCELED.value,
        "finished_at": now,
        "actual": FREE,
        "cancel": True,
        "error_code": Canceled.code,
        "error_sentence": sentence,
    }
    _change(connection, job, changed)
    return changed


def _change(connection: Connection, job: Found, changed: Values) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job["id"]).values(**changed))
