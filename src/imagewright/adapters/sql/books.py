"""The books in SQL: each method is one transaction."""

from functools import partial

from sqlalchemy import Connection, update

from imagewright.adapters.sql import admission, conclusion, ledger, quotas, quotes
from imagewright.adapters.sql.adjustment import adjust
from imagewright.adapters.sql.bulk import enter_all, entries_of, missing, withdraw
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.offered import offered
from imagewright.adapters.sql.schema import VERSION
from imagewright.core.adjustment import Adjustment
from imagewright.core.budget import Account
from imagewright.core.caller import Caller
from imagewright.core.errors import StorageFull, Unavailable
from imagewright.core.job import Job
from imagewright.core.quote import Quote
from imagewright.core.verdict import Verdict
from imagewright.ports.books import Admitted, AdmittedAll, Balance, Bulk, Demand, Origin, Tally


class SqlBooks:
    """`ports.books.Books`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, demand: Demand) -> Admitted:
        entry = admission.entry_of(demand)
        try:
            return await self._database.write(
                partial(admission.enter, entry=entry, hold=ledger.hold_together)
            )
        except ledger.ShortError:
            return await self._database.write(
                partial(admission.enter, entry=entry, hold=ledger.hold_singly)
            )

    async def admit_all(self, bulk: Bulk) -> AdmittedAll:
        made = entries_of(bulk)
        try:
            return await self._database.write(
                partial(enter_all, made=made, hold=ledger.hold_together)
            )
        except ledger.ShortError:
            return await self._database.write(
                partial(enter_all, made=made, hold=ledger.hold_singly)
            )

    async def missing(self, bulk: Bulk) -> tuple[int, ...]:
        return await self._database.read(partial(missing, made=entries_of(bulk)))

    async def find(self, demand: Demand) -> Job | None:
        entry = admission.entry_of(demand)
        return await self._database.read(partial(admission.find, entry=entry))

    async def offer(self, caller: Caller, quote: Quote, origin: Origin, now: int) -> Quote:
        return await self._database.write(
            partial(quotes.offer, caller=caller, quote=quote, origin=origin, now=now)
        )

    async def offered(self, caller: Caller, quote: Quote, now: int) -> str | None:
        return await self._database.read(
            partial(offered, subject=caller.subject, quote=quote, now=now)
        )

    async def settle(self, verdict: Verdict) -> bool:
        return await self._database.write(partial(conclusion.settle, verdict=verdict))

    async def adjust(self, adjustment: Adjustment) -> bool:
        return await self._database.write(partial(adjust, adjustment=adjustment))

    async def cancel(self, caller: Caller, job: str, origin: Origin, now: int) -> Job:
        return await self._database.write(
            partial(conclusion.cancel, caller=caller, job=job, origin=origin, now=now)
        )

    async def withdraw(
        self, caller: Caller, group: str, origin: Origin, now: int
    ) -> tuple[str, ...]:
        return await self._database.write(
            partial(withdraw, caller=caller, group=group, origin=origin, now=now)
        )

    async def balances(self, accounts: tuple[Account, ...]) -> tuple[Balance, ...]:
        return await self._database.read(partial(ledger.balances, accounts=accounts))

    async def tally(self, subject: str, since: int) -> Tally:
        return await self._database.read(partial(quotas.tally, subject=subject, since=since))

    async def ping(self) -> None:
        try:
            await self._database.write(_touch)
        except StorageFull as error:
            raise Unavailable(error.sentence, hint=error.hint) from error


def _touch(connection: Connection) -> None:
    """A write that changes nothing and has to reach the disk all the same."""
    connection.execute(update(VERSION).values(version_num=VERSION.c.version_num))
