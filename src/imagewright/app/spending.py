"""The ledger opened by commands, beside a service that runs or without one."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.reconciliations import SqlReconciliations
from imagewright.adapters.sql.sums import SqlLedger
from imagewright.app.parts import database_url
from imagewright.app.upstreams import offer_of
from imagewright.core.bill import Drift, Tolerance
from imagewright.core.errors import InvalidRequest
from imagewright.core.revocation import Warrant
from imagewright.core.usage import By, Sum, Wanted
from imagewright.ports.clock import Clock
from imagewright.ports.ledger import LedgerReader
from imagewright.services.adjusting import Adjusted, Adjuster
from imagewright.services.reconciling import Bill, Compared, Reconciler
from imagewright.settings import Settings


@asynccontextmanager
async def ledger(settings: Settings) -> AsyncIterator[LedgerReader]:
    """The ledger of a service; nothing is made or written.

    Raises Unavailable where there is no database yet, or it is away or of another version.
    """
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_beside()
    try:
        yield SqlLedger(database)
    finally:
        await database.close()


def names_of(settings: Settings, provider: str) -> Mapping[str, str]:
    """Our names of a provider's models by those that its API knows, where only one has each.

    Raises Misconfigured.
    """
    if provider not in settings.providers:
        return {}
    models = offer_of(provider, settings).models
    count = Counter(model.upstream for model in models)
    return {model.upstream: model.id for model in models if count[model.upstream] == 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """What came of a bill: the comparison at the end, and what was adjusted before it."""

    compared: Compared
    adjusted: Adjusted | None

    def beyond(self, tolerance: Tolerance) -> tuple[Drift, ...]:
        """The days and models that are further apart."""
        rows = self.compared.rows
        return tuple(row for row in rows if not tolerance.takes(row.drift, row.billed))


async def reckon(
    settings: Settings, bill: Bill, tolerance: Tolerance, *, by: str, note: str | None
) -> Reckoning:
    """Compare a bill with the ledger and keep the result; with a note, adjust what it bills more.

    Raises InvalidRequest, or Unavailable where there is no database yet, or it is away.
    """
    clock: Clock = SystemClock()
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_beside(write=True)
    try:
        reader = SqlLedger(database)
        await _check_provider(settings, bill.provider, reader)
        reconciler = Reconciler(reader, SqlReconciliations(database), clock)
        compared, adjusted = await reconciler.compare(bill), None
        if note is not None:
            warrant = Warrant(by=by, reason=note, at=clock.now())
            adjuster = Adjuster(reader, SqlBooks(database))
            adjusted = await adjuster.adjust(bill, compared, tolerance, warrant)
            compared = await reconciler.compare(bill)
        await reconciler.keep(compared, by)
        return Reckoning(compared=compared, adjusted=adjusted)
    finally:
        await database.close()


async def _check_provider(settings: Settings, name: str, reader: LedgerReader) -> None:
    found: list[Sum] = []
    if name not in settings.providers:
        await reader.sums(Wanted(only={By.PROVIDER: name}), found.append)
    if name not in settings.providers and not found:
        raise InvalidRequest(
            f'No provider is called "{name}", in the settings or in the ledger.',
            hint="List them with: imagewright usage --by provider",
        )
