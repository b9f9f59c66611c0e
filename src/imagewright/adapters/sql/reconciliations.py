"""The last reconciliation of each provider, in SQL."""

from dataclasses import fields
from datetime import date
from functools import partial

from sqlalchemy import Connection, select

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found, Values, storable
from imagewright.adapters.sql.subjects import enrol
from imagewright.adapters.sql.tables import reconciliations
from imagewright.adapters.sql.trail import Deed, record
from imagewright.adapters.sql.upsert import insert_for
from imagewright.core.audit import OPERATOR, written
from imagewright.core.bill import Reconciliation
from imagewright.core.money import Nano, usd

_NAMES = tuple(each.name for each in fields(Reconciliation))


class SqlReconciliations:
    """`ports.reconciliations.Reconciliations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, found: Reconciliation, by: str) -> None:
        await self._database.write(partial(_enter, found=found, by=by))

    async def last(self) -> tuple[Reconciliation, ...]:
        query = select(reconciliations).order_by(reconciliations.c.provider)
        return await self._database.read(
            lambda connection: tuple(map(_read, connection.execute(query).mappings()))
        )


def _enter(connection: Connection, found: Reconciliation, by: str) -> None:
    values: Values = {name: getattr(found, name) for name in _NAMES}
    values |= {"first": found.first.isoformat(), "last": found.last.isoformat()}
    changed = {name: value for name, value in values.items() if name != "provider"}
    statement = insert_for(connection.dialect.name, reconciliations).values(**values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[reconciliations.c.provider], set_=changed)
    )
    deed = Deed(
        subject=enrol(connection, OPERATOR),
        credential=by,
        action="reconcile",
        thing=storable(found.provider) or "",
        outcome="compared",
        amount=found.drift,
        shape=_shape(found),
    )
    record(connection, deed, found.at)


def _shape(found: Reconciliation) -> str:
    days = {"first": found.first.isoformat(), "last": found.last.isoformat()}
    return written({**days, "billed": usd(found.billed), "spent": usd(found.spent)}).decode()


def _read(row: Found) -> Reconciliation:
    return Reconciliation(
        provider=row["provider"],
        at=row["at"],
        first=date.fromisoformat(row["first"]),
        last=date.fromisoformat(row["last"]),
        billed=Nano(row["billed"]),
        spent=Nano(row["spent"]),
        held=Nano(row["held"]),
    )
