"""Entering an ask: the one transaction that finds, consents, counts, holds and writes."""

import hashlib
from dataclasses import dataclass, replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    bindparam,
    distinct,
    func,
    insert,
    or_,
    select,
)

from imagewright.adapters.sql.crossings import crossings
from imagewright.adapters.sql.ledger import Hold, Holding, enter_hold, stored
from imagewright.adapters.sql.quotas import check_quota
from imagewright.adapters.sql.quotes import Use, use_up
from imagewright.adapters.sql.revocations import check_and_enter
from imagewright.adapters.sql.rows import Values, accounts_text, caller_values, job_of
from imagewright.adapters.sql.subjects import enrol, number_of
from imagewright.adapters.sql.tables import JOINED, QUEUED, images, jobs
from imagewright.adapters.sql.trail import Deed, enter_line, line_of
from imagewright.core.budget import Account
from imagewright.core.errors import Busy
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.core.quote import Consent
from imagewright.ports.books import Admitted, Capacity, Demand

_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A demand and what is worked out of it before the database is asked."""

    demand: Demand
    plan: str
    plan_digest: str
    ask_digest: str


def entry_of(demand: Demand) -> Entry:
    """Write the plan out once: for its digest, and for the row."""
    plan = demand.plan.canonical()
    return Entry(
        demand=demand,
        plan=plan,
        plan_digest=hashlib.sha256(plan.encode()).hexdigest(),
        ask_digest=demand.plan.asked or demand.plan.ask.digest(),
    )


def _same(condition: ColumnElement[bool]) -> ScalarSelect[str]:
    return (
        select(jobs.c.id)
        .where(jobs.c.subject == bindparam("whose"), jobs.c.digest == bindparam("ask"), condition)
        .order_by(jobs.c.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )


_STILL_THERE = (
    select(func.count()).where(images.c.job == jobs.c.id).correlate(jobs).scalar_subquery()
)
_OPEN = _same(JOINED)
_OPEN_OR_DONE = _same(
    or_(
        JOINED,
        and_(
            jobs.c.state == State.SUCCEEDED.value,
            jobs.c.finished_at >= bindparam("since"),
            jobs.c.made > 0,
            jobs.c.made == _STILL_THERE,
        ),
    )
)
_GROUPED = jobs.c["group"]
_PLACES = select(
    func.count() - func.count(_GROUPED) + func.count(distinct(_GROUPED)),
).where(QUEUED)
_WAITING = (
    _PLACES.scalar_subquery(),
    _PLACES.where(jobs.c.subject == bindparam("whose")).scalar_subquery(),
)
"""Places that are taken: a group takes one, however many of its jobs wait."""
_TAKEN = select(*_WAITING)
_SAME = {True: select(_OPEN_OR_DONE), False: select(_OPEN)}
"""The job that answers an ask, by whether one that succeeded does."""
_STANDING = {True: select(_OPEN_OR_DONE, *_WAITING), False: select(_OPEN, *_WAITING)}
_JOB = select(jobs).where(jobs.c.id == bindparam("job"))
_NEW = insert(jobs)


def find(connection: Connection, entry: Entry) -> Job | None:
    """The job that answers the same ask, if there is one."""
    subject = entry.demand.caller.subject
    number = number_of(connection, subject)
    same = None if number is None else same_ask(connection, entry, number)
    return None if same is None else _job(connection, same, subject)


def same_ask(connection: Connection, entry: Entry, number: int) -> str | None:
    """The id of the job that answers the same ask of the subject with this number."""
    query = _SAME[entry.demand.reuse_since is not None]
    found: str | None = connection.scalar(query, _asked(entry, number))
    return found


def _asked(entry: Entry, number: int) -> Values:
    since = entry.demand.reuse_since
    values: Values = {"whose": number, "ask": entry.ask_digest}
    return values if since is None else {**values, "since": since}


def _job(connection: Connection, id: str, subject: str) -> Job:
    return job_of(connection.execute(_JOB, {"job": id}).mappings().one(), subject)


def enter(connection: Connection, entry: Entry, hold: Hold) -> Admitted:
    """Enter an ask, or find the job that answers it. What is raised undoes all of it."""
    demand = entry.demand
    number = enrol(connection, demand.caller.subject)
    standing = _STANDING[demand.reuse_since is not None]
    same, queued, waiting = connection.execute(standing, _asked(entry, number)).one()
    if same is not None:
        _enter_standing(connection, demand, number, same)
        job = _job(connection, same, demand.caller.subject)
        return Admitted(job=job, fresh=False)
    if demand.given is not None or demand.consent is Consent.HUMAN:
        wanted = replace(demand.quote, digest=entry.plan_digest)
        use = Use(job=demand.job, now=demand.now, given=demand.given)
        entry = with_quote(entry, use_up(connection, wanted, number, use))
    _check_places(demand.capacity, queued, waiting)
    check_quota(connection, demand.quota, number, demand.plan.ask.n)
    held = holdings(entry, number)
    hold(connection, held)
    entered = enter_job(connection, entry, number)
    return Admitted(job=entered, fresh=True, crossed=crossings(connection, held))


def with_quote(entry: Entry, quote: str) -> Entry:
    """The same, entered by this quote."""
    return replace(entry, demand=replace(entry.demand, given=quote))


def enter_job(connection: Connection, entry: Entry, number: int, group: str | None = None) -> Job:
    """Enter a new job whose ceiling is held, with its lines in the ledger and the audit."""
    demand = entry.demand
    values = _values(entry, number, group)
    connection.execute(_NEW, values)
    if demand.quote.ceiling:
        enter_hold(connection, values)
    _enter_standing(connection, demand, number, demand.job)
    return job_of(values, demand.caller.subject)


def holdings(entry: Entry, number: int) -> tuple[Holding, ...]:
    """What is held for an ask, on the accounts as their rows are keyed."""
    amount = entry.demand.quote.ceiling
    kept = zip(entry.demand.charges, _accounts(entry, number), strict=True) if amount else ()
    return tuple(Holding(charge=charge, account=account, amount=amount) for charge, account in kept)


def _accounts(entry: Entry, number: int) -> list[Account]:
    """The accounts that count an ask, free or not, as their rows are keyed."""
    demand = entry.demand
    return [stored(charge.account, demand.caller.subject, number) for charge in demand.charges]


def _enter_standing(connection: Connection, demand: Demand, number: int, job: str) -> None:
    """As `record_admission`, unless what allowed the ask was revoked."""
    line, paid = _admission(demand, number, job), demand.quote.ceiling > FREE
    check_and_enter(connection, demand.caller, demand.plan.provider, line, paid=paid)


def check_room(connection: Connection, capacity: Capacity, number: int) -> None:
    """Raise Busy where no place is left."""
    queued, waiting = connection.execute(_TAKEN, {"whose": number}).one()
    _check_places(capacity, queued, waiting)


def _check_places(capacity: Capacity, queued: int, waiting: int) -> None:
    if queued >= capacity.queued:
        sentence = "The queue is full."
    elif waiting >= capacity.waiting:
        sentence = f"You have {waiting} jobs waiting; no more are taken until one starts."
    else:
        return
    raise Busy(sentence, hint="Wait for a job to end.", details={"retry_after": _RETRY_SECONDS})


def _values(entry: Entry, number: int, group: str | None) -> Values:
    """The new job's row."""
    demand = entry.demand
    return {
        "id": demand.job,
        "subject": number,
        **caller_values(demand.caller),
        "state": State.QUEUED.value,
        "digest": entry.ask_digest,
        "plan": entry.plan,
        "provider": demand.plan.provider,
        "model": demand.plan.model,
        "count": demand.plan.ask.n,
        "quote": demand.given or demand.quote.id,
        "consent": demand.consent.value,
        "ceiling": demand.quote.ceiling,
        "accounts": accounts_text(_accounts(entry, number)),
        "attempt": 0,
        "created_at": demand.now,
        "stage": State.QUEUED.value,
        "done": 0,
        "total": 0,
        "cancel": False,
        "made": 0,
        "group": group,
        **dict.fromkeys(_NOT_YET),
    }


_NOT_YET = (
    "actual", "owner", "lease_until", "started_at", "finished_at", "error_code", "error_sentence",
    "outcome", "request", "due",
)  # fmt: skip


def record_admission(connection: Connection, demand: Demand, number: int, job: str) -> None:
    """Enter in the audit that a job answers an ask."""
    enter_line(connection, _admission(demand, number, job))


def _admission(demand: Demand, number: int, job: str) -> Values:
    fresh = job == demand.job
    deed = Deed(
        subject=number,
        credential=demand.caller.credential.id,
        action="admit",
        thing=f"{demand.plan.provider}/{demand.plan.model}",
        outcome="entered" if fresh else "joined",
        reason=demand.consent.value,
        job=job,
        amount=demand.quote.ceiling if fresh else 0,
        shape=demand.shape,
    )
    return line_of(deed, demand.now, demand.origin)
