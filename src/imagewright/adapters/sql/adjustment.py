"""Correcting a settled job's cost: ledger, job, accounts and audit."""

from functools import cache

from sqlalchemy import BigInteger, Connection, Executable, bindparam, insert, select, update

from imagewright.adapters.sql.ledger import KEY, counts, entry_of, maker_of, place_of
from imagewright.adapters.sql.rows import Found, accounts_of
from imagewright.adapters.sql.subjects import enrol
from imagewright.adapters.sql.tables import budgets, jobs, ledger
from imagewright.adapters.sql.trail import Deed, record
from imagewright.adapters.sql.upsert import insert_for
from imagewright.core.adjustment import Adjustment
from imagewright.core.audit import OPERATOR
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.money import Nano, usd


def adjust(connection: Connection, adjustment: Adjustment) -> bool:
    """Enter a correction; False where it is entered already."""
    query = select(jobs).where(jobs.c.id == adjustment.job).with_for_update()
    job = connection.execute(query).mappings().one_or_none()
    if job is None:
        raise NotFound("There is no such job.")
    if _entered(connection, adjustment):
        return False
    actual = _actual(job, adjustment)
    amount = adjustment.amount
    connection.execute(update(jobs).where(jobs.c.id == job["id"]).values(actual=actual))
    added = {"amount": amount, "at_first": max(0, amount)}
    provider, model = maker_of(job)
    rows = [
        {**place_of(account), **added}
        for account in accounts_of(job["accounts"])
        if counts(account, provider)
    ]
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)
    entry = entry_of(job, adjustment.warrant.at, "adjust", amount)
    made = {"provider": provider, "model": model}
    connection.execute(insert(ledger), {**entry, **made, "reference": adjustment.reference})
    _record(connection, job, adjustment)
    return True


def _entered(connection: Connection, adjustment: Adjustment) -> bool:
    """Whether it stands there. Raises InvalidRequest where another amount does."""
    query = select(ledger.c.amount).where(
        ledger.c.job == adjustment.job, ledger.c.reference == adjustment.reference
    )
    amount = connection.scalar(query)
    if amount not in {None, adjustment.amount}:
        raise InvalidRequest(
            f"That reference has adjusted the job by ${usd(Nano(amount))} already.",
            hint="Give the difference under a reference of its own.",
        )
    return amount is not None


def _actual(job: Found, adjustment: Adjustment) -> int:
    before = job["actual"]
    if before is None:
        raise InvalidRequest(
            "The job is not settled, so its ceiling is held still.",
            hint="Wait for its end, or resolve it first.",
        )
    after: int = before + adjustment.amount
    if after < 0:
        raise InvalidRequest(
            f"The job has cost ${usd(Nano(before))}, and no more than that can be given back."
        )
    return after


@cache
def _adding(dialect: str) -> Executable:
    """A bill is entered whatever the limits are: the money is gone."""
    amount = bindparam("amount", type_=BigInteger)
    return (
        insert_for(dialect, budgets)
        .values(
            level=bindparam("in_level"),
            key=bindparam("in_key"),
            period=bindparam("in_period"),
            held=0,
            # Asked before the row is found to be there, the check takes nothing below nothing.
            settled=bindparam("at_first", type_=BigInteger),
        )
        .on_conflict_do_update(index_elements=KEY, set_={"settled": budgets.c.settled + amount})
    )


def _record(connection: Connection, job: Found, adjustment: Adjustment) -> None:
    warrant = adjustment.warrant
    deed = Deed(
        subject=enrol(connection, OPERATOR),
        credential=warrant.by,
        action="adjust",
        thing=f"{job['provider']}/{job['model']}",
        outcome="entered",
        reason=warrant.reason,
        job=job["id"],
        amount=adjustment.amount,
    )
    record(connection, deed, warrant.at)
