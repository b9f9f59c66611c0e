"""What is true of the books at any moment, whatever was done and however it was interrupted."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from imagewright.adapters.sql.rows import Found
from imagewright.adapters.sql.tables import audit, budgets, images, jobs, ledger, quotes
from imagewright.core.job import JOINABLE, State


def broken(connection: Connection) -> list[str]:
    """What is not so; empty when ledger, accounts, jobs, quotes and images agree."""
    found = connection.execute(select(jobs)).mappings().all()
    entries = connection.execute(select(ledger)).mappings().all()
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        rows[entry["job"]][entry["kind"]] += entry["amount"]
    return [
        *_jobs(found, rows),
        *_accounts(connection, found, rows),
        *_asks(found),
        *_rest(connection, found),
    ]


def _open(job: Found) -> bool:
    return State(job["state"]) in JOINABLE


def _jobs(found: Sequence[Found], rows: dict[str, Counter[str]]) -> list[str]:
    wrong = []
    for job in found:
        sums = rows[job["id"]]
        held = sums["hold"] - sums["settle"] - sums["release"]
        if sums["hold"] != job["ceiling"]:
            wrong.append(f"{job['id']}: holds {sums['hold']} of {job['ceiling']}")
        if held != (job["ceiling"] if _open(job) else 0):
            wrong.append(f"{job['id']}: {job['state']} and still holds {held}")
        cost = sums["settle"] + sums["adjust"]
        if job["actual"] != (None if _open(job) else cost):
            wrong.append(f"{job['id']}: {job['actual']} is not {cost}")
    return wrong


def _accounts(
    connection: Connection, found: Sequence[Found], rows: dict[str, Counter[str]]
) -> list[str]:
    held: Counter[tuple[str, ...]] = Counter()
    settled: Counter[tuple[str, ...]] = Counter()
    for job in found:
        sums = rows[job["id"]]
        paid = json.loads(job["outcome"] or "{}").get("provider", job["provider"])
        for account in json.loads(job["accounts"]):
            held[tuple(account)] += sums["hold"] - sums["settle"] - sums["release"]
            if account[0] != "provider" or account[1] == paid:
                settled[tuple(account)] += sums["settle"] + sums["adjust"]
    wrong = []
    for row in connection.execute(select(budgets)).mappings():
        key = (row["level"], row["key"], row["period"])
        ours, theirs = (row["held"], row["settled"]), (held.pop(key, 0), settled.pop(key, 0))
        if ours != theirs:
            wrong.append(f"{key}: {ours} is not {theirs}")
    rest = held + settled
    return [*wrong, *(f"{key}: no row for {amount}" for key, amount in rest.items() if amount)]


def _asks(found: Sequence[Found]) -> list[str]:
    asks = Counter((job["subject"], job["digest"]) for job in found if _open(job))
    return [f"{ask}: open {count} times" for ask, count in asks.items() if count > 1]


def _rest(connection: Connection, found: Sequence[Found]) -> list[str]:
    ids = {job["id"] for job in found}
    made = Counter(connection.scalars(select(images.c.job).where(images.c.job.is_not(None))))
    wrong = [
        f"{job['id']}: {made[job['id']]} images" for job in found if made[job["id"]] > job["made"]
    ]
    used = connection.scalars(select(quotes.c.job).where(quotes.c.job.is_not(None)))
    wrong += [f"{job}: a quote was used for it" for job in used if job not in ids]
    entered = Counter(
        connection.scalars(
            select(audit.c.job).where(audit.c.action == "admit", audit.c.outcome == "entered")
        )
    )
    wrong += [f"{job}: {entered[job]} admissions audited" for job in ids if entered[job] != 1]
    ended = set(connection.scalars(select(audit.c.job).where(audit.c.action != "admit")))
    wrong += [
        f"{job['id']}: its end is not audited"
        for job in found
        if State(job["state"]).ended and job["id"] not in ended
    ]
    return wrong
