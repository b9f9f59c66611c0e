"""Entering several asks at once: one group, one consent, one hold on each account."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert, select

from imagewright.adapters.sql.admission import (
    Entry,
    check_room,
    enter_job,
    entry_of,
    holdings,
    record_admission,
    same_ask,
    with_quote,
)
from imagewright.adapters.sql.conclusion import CANCELED, end_queued
from imagewright.adapters.sql.crossings import crossings
from imagewright.adapters.sql.ledger import Hold, together
from imagewright.adapters.sql.quotas import check_quota
from imagewright.adapters.sql.quotes import Use, use_up
from imagewright.adapters.sql.revocations import check
from imagewright.adapters.sql.rows import Found, job_of
from imagewright.adapters.sql.subjects import enrol, number_of
from imagewright.adapters.sql.tables import QUEUED, batches, jobs
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.batch import Group
from imagewright.core.caller import Caller
from imagewright.core.errors import NotFound
from imagewright.core.job import Job
from imagewright.core.money import FREE, Nano
from imagewright.core.quote import UNASKED, Consent
from imagewright.ports.books import AdmittedAll, Bulk, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """A bulk and what is worked out of it before the database is asked."""

    bulk: Bulk
    entries: tuple[Entry, ...]


def entries_of(bulk: Bulk) -> Entries:
    """Write every plan out once."""
    return Entries(bulk=bulk, entries=tuple(entry_of(demand) for demand in bulk.demands))


def missing(connection: Connection, made: Entries) -> tuple[int, ...]:
    """The places of the asks that no job answers, and no ask before them in the batch."""
    number = number_of(connection, made.bulk.demands[0].caller.subject)
    found = _answers(connection, made, number)
    places = [entry.ask_digest for entry in made.entries]
    return tuple(
        place
        for place, digest in enumerate(places)
        if digest not in found and places.index(digest) == place
    )


def enter_all(connection: Connection, made: Entries, hold: Hold) -> AdmittedAll:
    """Enter what no job answers yet, and the group. What is raised undoes all of it."""
    bulk = made.bulk
    caller = bulk.demands[0].caller
    number = enrol(connection, caller.subject)
    found = _answers(connection, made, number)
    new = {entry.ask_digest: entry for entry in reversed(made.entries)}
    fresh = [entry for entry in made.entries if _is_new(entry, found, new)]
    for entry in made.entries:
        _check_standing(connection, entry)
    same = None if fresh else _same(connection, number, bulk.digest)
    made = _use_up(connection, made, number, fresh)
    held = together(each for entry in fresh for each in holdings(entry, number))
    jobs_ = _enter(connection, made, number, fresh, lambda found: hold(found, held))
    known = {**found, **{job.digest: job.id for job in jobs_}}
    group = same or _enter_group(connection, made, number, known)
    for entry in made.entries:
        if not any(entry is each for each in fresh):
            record_admission(connection, entry.demand, number, known[entry.ask_digest])
    crossed = crossings(connection, held)
    return AdmittedAll(group=group, jobs=tuple(jobs_), fresh=same is None, crossed=crossed)


def _is_new(entry: Entry, found: dict[str, str], new: dict[str, Entry]) -> bool:
    return entry.ask_digest not in found and new[entry.ask_digest] is entry


def _answers(connection: Connection, made: Entries, number: int | None) -> dict[str, str]:
    """The jobs that answer asks, by the asks' digests."""
    if number is None:
        return {}
    found = {}
    for entry in {each.ask_digest: each for each in made.entries}.values():
        same = same_ask(connection, entry, number)
        if same is not None:
            found[entry.ask_digest] = same
    return found


def _enter(
    connection: Connection,
    made: Entries,
    number: int,
    fresh: list[Entry],
    hold: Callable[[Connection], None],
) -> list[Job]:
    bulk = made.bulk
    if not fresh:
        return []
    first = fresh[0].demand
    check_room(connection, first.capacity, number)
    check_quota(connection, first.quota, number, sum(each.demand.plan.ask.n for each in fresh))
    hold(connection)
    by = [with_quote(each, bulk.given) if bulk.given and _asked(each) else each for each in fresh]
    return [enter_job(connection, entry, number, bulk.group) for entry in by]


def _use_up(connection: Connection, made: Entries, number: int, fresh: list[Entry]) -> Entries:
    """The same, by the quote that is used up where what is new was asked for."""
    bulk = made.bulk
    asked = [entry.demand for entry in fresh if _asked(entry)]
    human = any(demand.consent is Consent.HUMAN for demand in asked)
    if not asked or (bulk.given is None and not human):
        return made
    total = Nano(sum(demand.quote.ceiling for demand in asked))
    use = Use(job=bulk.group, now=bulk.demands[0].now, given=bulk.given)
    given = use_up(connection, replace(bulk.quote, ceiling=total), number, use)
    return replace(made, bulk=replace(bulk, given=given))


def _asked(entry: Entry) -> bool:
    return entry.demand.consent not in UNASKED


def _check_standing(connection: Connection, entry: Entry) -> None:
    demand = entry.demand
    check(connection, demand.caller, demand.plan.provider, paid=demand.quote.ceiling > FREE)


def _same(connection: Connection, number: int, digest: str) -> Group | None:
    query = (
        select(batches)
        .where(batches.c.subject == number, batches.c.digest == digest)
        .order_by(batches.c.created_at.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _group_of(row)


def _enter_group(
    connection: Connection, made: Entries, number: int, known: dict[str, str]
) -> Group:
    bulk = made.bulk
    group = Group(
        id=bulk.group,
        digest=bulk.digest,
        quote=bulk.given or bulk.quote.id,
        items=tuple(known[entry.ask_digest] for entry in made.entries),
        created_at=bulk.demands[0].now,
    )
    values = {
        "id": group.id,
        "subject": number,
        "digest": group.digest,
        "quote": group.quote,
        "items": json.dumps(group.items),
        "created_at": group.created_at,
    }
    connection.execute(insert(batches), values)
    return group


def _group_of(row: Found) -> Group:
    return Group(
        id=row["id"],
        digest=row["digest"],
        quote=row["quote"],
        items=tuple(json.loads(row["items"])),
        created_at=row["created_at"],
    )


def _own(connection: Connection, subject: str, group: str) -> Group:
    number = number_of(connection, subject)
    query = select(batches).where(batches.c.id == group, batches.c.subject == number)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such job.")
    return _group_of(row)


def read_group(connection: Connection, subject: str, group: str) -> tuple[Group, tuple[Job, ...]]:
    """A group and its jobs, each once. Raises NotFound."""
    found = _own(connection, subject, group)
    query = select(jobs).where(jobs.c.id.in_(set(found.items)))
    rows = connection.execute(query.order_by(jobs.c.created_at, jobs.c.id)).mappings()
    return found, tuple(job_of(row, subject) for row in rows)


def withdraw(
    connection: Connection, caller: Caller, group: str, origin: Origin, now: int
) -> tuple[str, ...]:
    """End the queued jobs of a group and release their holds. Raises NotFound."""
    _own(connection, caller.subject, group)
    query = (
        select(jobs)
        .where(QUEUED, jobs.c.subject == number_of(connection, caller.subject))
        .where(jobs.c["group"] == group)
        .order_by(jobs.c.id)
        .with_for_update()
    )
    rows = connection.execute(query).mappings().all()
    for row in rows:
        changed = end_queued(connection, row, CANCELED, now)
        deed = Deed(
            subject=row["subject"],
            credential=caller.credential.id,
            action="cancel",
            thing=f"{row['provider']}/{row['model']}",
            outcome=changed["state"],
            job=row["id"],
        )
        record(connection, deed, now, origin)
    return tuple(row["id"] for row in rows)
