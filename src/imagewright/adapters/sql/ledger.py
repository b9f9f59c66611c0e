"""The ledger and the accounts: money held, settled and released."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

from sqlalchemy import (
    BigInteger,
    Connection,
    Executable,
    bindparam,
    insert,
    select,
    text,
    update,
)

from imagewright.adapters.sql.rows import Found, Values, accounts_of
from imagewright.adapters.sql.subjects import number_of
from imagewright.adapters.sql.tables import budgets, ledger
from imagewright.adapters.sql.upsert import insert_for
from imagewright.core.budget import Account, Charge, Level
from imagewright.core.errors import BudgetExceeded
from imagewright.core.money import Nano, usd
from imagewright.core.spending import Settled
from imagewright.ports.books import Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is to be held on an account; `account` is the charge's as its row is keyed."""

    charge: Charge
    account: Account
    amount: int


Hold = Callable[[Connection, tuple[Holding, ...]], None]

_UNLIMITED = 2**62
KEY = (budgets.c.level, budgets.c.key, budgets.c.period)
HERE = (
    budgets.c.level == bindparam("in_level"),
    budgets.c.key == bindparam("in_key"),
    budgets.c.period == bindparam("in_period"),
)
_PLACE = ("in_level", "in_key", "in_period")
# The rows are locked in the order they are given in, which all holds keep.
_TOGETHER = text("""
    INSERT INTO budgets (level, key, period, held, settled)
    SELECT level, key, period, amount, 0 FROM unnest(
        CAST(:in_level AS text[]), CAST(:in_key AS text[]), CAST(:in_period AS text[]),
        CAST(:amount AS bigint[])
    ) WITH ORDINALITY AS asked (level, key, period, amount, place) ORDER BY place
    ON CONFLICT (level, key, period) DO UPDATE SET held = budgets.held + excluded.held
    RETURNING level, key, period, held + settled
""")
_MOVE = (
    update(budgets)
    .where(*HERE)
    .values(
        held=budgets.c.held - bindparam("released", type_=BigInteger),
        settled=budgets.c.settled + bindparam("spent", type_=BigInteger),
    )
)
_BALANCE = select(budgets.c.held, budgets.c.settled).where(*HERE)
_ENTRY = insert(ledger).inline()  # nobody asks for the number that it gets


class ShortError(Exception):
    """One of the accounts has no room; which of them is not known yet."""


def stored(account: Account, subject: str, number: int) -> Account:
    """The account as its row is keyed: the subject's name stands in its own table only."""
    if account.level is not Level.SUBJECT:
        return account
    if account.key != subject:
        raise ValueError("an ask is held on its own subject's account")
    return replace(account, key=str(number))


@cache
def _holding(dialect: str) -> Executable:
    amount = bindparam("amount", type_=BigInteger)
    return (
        insert_for(dialect, budgets)
        .values(
            level=bindparam("in_level"),
            key=bindparam("in_key"),
            period=bindparam("in_period"),
            held=amount,
            settled=0,
        )
        .on_conflict_do_update(
            index_elements=KEY,
            set_={"held": budgets.c.held + amount},
            where=budgets.c.held + budgets.c.settled + amount
            <= bindparam("most", type_=BigInteger),
        )
        .execution_options(preserve_rowcount=True)  # an insert's is not kept otherwise
    )


def place_of(account: Account) -> Values:
    """Where an account's row is, as the statements here name it."""
    return {"in_level": account.level.value, "in_key": account.key, "in_period": account.period}


def _held(holding: Holding) -> Values:
    charge = holding.charge
    most = _UNLIMITED if charge.limit is None else charge.limit
    return {**place_of(holding.account), "amount": holding.amount, "most": most}


def hold_together(connection: Connection, holdings: tuple[Holding, ...]) -> None:
    """Hold on every account in one statement. Raises ShortError if one has no room."""
    rows = [_held(holding) for holding in holdings]
    if any(row["most"] < row["amount"] for row in rows):
        raise ShortError
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _hold_arrays(connection, rows)
    elif connection.execute(_holding("sqlite"), rows).rowcount != len(rows):
        raise ShortError


def _hold_arrays(connection: Connection, rows: list[Values]) -> None:
    """The same by one statement for the server too: what is too much is undone with the rest."""
    columns = {name: [row[name] for row in rows] for name in (*_PLACE, "amount")}
    used = connection.execute(_TOGETHER, columns).all()
    most = {tuple(row[name] for name in _PLACE): row["most"] for row in rows}
    if any(total > most[level, key, period] for level, key, period, total in used):
        raise ShortError


def hold_singly(connection: Connection, holdings: tuple[Holding, ...]) -> None:
    """Hold on one account after the other. Raises BudgetExceeded for the first full."""
    statement = _holding(connection.dialect.name)
    for holding in holdings:
        row, charge = _held(holding), holding.charge
        if row["most"] < row["amount"] or connection.execute(statement, row).rowcount != 1:
            raise _exceeded(charge, _balance(connection, holding.account))


def together(holdings: Iterable[Holding]) -> tuple[Holding, ...]:
    """Each account once, with the sum of its amounts, in the order that all holds keep."""
    sums: dict[Account, Holding] = {}
    for each in holdings:
        known = sums.get(each.account)
        amount = each.amount + (known.amount if known else 0)
        sums[each.account] = replace(each, amount=amount)
    return tuple(sums[account] for account in sorted(sums))


def _balance(connection: Connection, account: Account) -> Balance:
    row = connection.execute(_BALANCE, place_of(account)).one_or_none()
    held, settled = (0, 0) if row is None else (row.held, row.settled)
    return Balance(account=account, held=held, settled=settled)


def _exceeded(charge: Charge, balance: Balance) -> BudgetExceeded:
    level, period = charge.account.level, charge.account.period
    details: dict[str, object] = {
        "level": level.value,
        "period": period,
        "limit_usd": usd(charge.limit or Nano(0)),
        "used_usd": usd(Nano(balance.held + balance.settled)),
    }
    if level in {Level.GROUP, Level.PROVIDER}:
        details["key"] = charge.account.key
    return BudgetExceeded(
        f"The {level.value} budget of {period} has no room for this.",
        hint="Ask for less, wait for the next period, or ask the operator.",
        details=details,
    )


def balances(connection: Connection, accounts: Iterable[Account]) -> tuple[Balance, ...]:
    """What accounts have held and settled, in the order given."""
    found = []
    for account in accounts:
        kept = account
        if account.level is Level.SUBJECT:
            kept = replace(account, key=str(number_of(connection, account.key) or 0))
        found.append(replace(_balance(connection, kept), account=account))
    return tuple(found)


def enter_hold(connection: Connection, job: Values) -> None:
    """Enter the hold of a new job."""
    connection.execute(_ENTRY, entry_of(job, job["created_at"], "hold", job["ceiling"]))


def maker_of(job: Found) -> tuple[str, str]:
    """The provider and the model whose answer a job's outcome is, or would have been."""
    outcome = json.loads(job["outcome"] or "{}")
    return outcome.get("provider", job["provider"]), outcome.get("model", job["model"])


def counts(account: Account, provider: str) -> bool:
    """Whether an account counts what a provider is paid: of providers', its own alone does."""
    return account.level is not Level.PROVIDER or account.key == provider


def conclude(connection: Connection, job: Found, settled: Settled, at: int) -> None:
    """Move a job's hold: the settled amount is spent, the rest released.

    The accounts are those it was held on, in their order; those of providers that it might have
    been passed on to, and was not, are released. `job` has its outcome in it.
    """
    rest = job["ceiling"] - settled.amount
    if rest < 0:
        raise ValueError("a job is settled at its ceiling or less")
    provider, model = maker_of(job)
    held = accounts_of(job["accounts"]) if job["ceiling"] else ()
    rows = [
        {
            **place_of(account),
            "released": job["ceiling"],
            "spent": settled.amount if counts(account, provider) else 0,
        }
        for account in held
    ]
    if rows and connection.execute(_MOVE, rows).rowcount != len(rows):
        raise LookupError("an account that the job was held on is gone")
    entries = []
    if settled.amount or settled.disputed is not None:
        entry = entry_of(job, at, "settle", settled.amount)
        made = {"provider": provider, "model": model}
        entries.append({**entry, **made, "disputed": settled.disputed})
    if rest:
        entries.append({**entry_of(job, at, "release", rest), "disputed": None})
    if entries:
        connection.execute(_ENTRY, entries)


def entry_of(job: Found, at: int, kind: str, amount: int) -> Values:
    """A line of the ledger for a job."""
    return {
        "at": at,
        "subject": job["subject"],
        "job": job["id"],
        "kind": kind,
        "amount": amount,
        "quote": job["quote"],
        "provider": job["provider"],
        "model": job["model"],
        "credential": job["credential"],
    }
