"""Compares a vendor's bill with the ledger, day by day and model by model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from imagewright.core.bill import Drift, Line, Reconciliation, shares
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import Nano
from imagewright.core.usage import By, Days, Sum, Wanted
from imagewright.ports.clock import Clock
from imagewright.ports.ledger import LedgerReader
from imagewright.ports.reconciliations import Reconciliations

Cell = tuple[date, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A provider's bill. `names` are ours for the vendor's models; others keep their names.

    `models` are those that count, all if there are none: an account may pay for more than us.
    """

    provider: str
    lines: tuple[Line, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    models: frozenset[str] = frozenset()

    def counted(self) -> tuple[tuple[Cell, Line], ...]:
        """The lines that count, each with its day and our name of its model.

        Raises InvalidRequest where only some name a model, or none counts.
        """
        nameless = [line for line in self.lines if line.model is None]
        if nameless and (self.models or len(nameless) < len(self.lines)):
            raise InvalidRequest(
                f"Line {nameless[0].number} names no model.",
                hint="Export the costs by line item or model.",
            )
        found = [((line.day, self._name(line)), line) for line in self.lines]
        counted = tuple(each for each in found if not self.models or each[0][1] in self.models)
        if not counted:
            raise InvalidRequest(
                "No line of the bill counts.", hint="Name models as the ledger does, or none."
            )
        return counted

    def _name(self, line: Line) -> str | None:
        return None if line.model is None else self.names.get(line.model, line.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Every day and model of a bill or of the ledger in its time, and all of it together."""

    rows: tuple[Drift, ...]
    whole: Reconciliation


def targets(row: Drift, lines: tuple[Line, ...], jobs: tuple[Sum, ...]) -> dict[str, Nano]:
    """What each job has to have cost for the ledger to have what was billed, by its id.

    The jobs are summed by job and request. Where every line names the request of one of them,
    each job costs what its own lines say, but not less than before; else what is billed above
    what was settled is shared in proportion to that.
    """
    billed: dict[str | None, int] = {}
    for line in lines:
        billed[line.request] = billed.get(line.request, 0) + line.amount
    requests = {request: job for job, request in (each.keys for each in jobs) if request}
    if billed.keys() <= requests.keys():
        own = {requests[request]: amount for request, amount in billed.items() if request}
        return {job: Nano(max(own.get(job, 0), each.spent)) for job, each in _by_job(jobs)}
    settled = tuple(each.settled for each in jobs)
    added = shares(Nano(max(0, row.billed - sum(settled))), settled)
    return {
        job: Nano(each.settled + more)
        for (job, each), more in zip(_by_job(jobs), added, strict=True)
    }


def _by_job(jobs: tuple[Sum, ...]) -> tuple[tuple[str, Sum], ...]:
    return tuple((each.keys[0], each) for each in jobs)


class Reconciler:
    """Works on the database alone, so that it serves beside a running service."""

    def __init__(self, ledger: LedgerReader, kept: Reconciliations, clock: Clock) -> None:
        self._ledger = ledger
        self._kept = kept
        self._clock = clock

    async def compare(self, bill: Bill) -> Compared:
        """Compare; days are those of UTC, on which the provider was called.

        Raises InvalidRequest or Unavailable.
        """
        billed: dict[Cell, int] = {}
        for cell, line in bill.counted():
            billed[cell] = billed.get(cell, 0) + line.amount
        first, last = min(day for day, _ in billed), max(day for day, _ in billed)
        spent = await self._spent(
            bill, Days(first=first, last=last), models=all(model for _, model in billed)
        )
        rows = tuple(_rows(billed, spent))
        whole = Reconciliation(
            provider=bill.provider,
            at=self._clock.now(),
            first=first,
            last=last,
            billed=Nano(sum(row.billed for row in rows)),
            spent=Nano(sum(row.spent for row in rows)),
            held=Nano(sum(row.held for row in rows)),
        )
        return Compared(rows=rows, whole=whole)

    async def keep(self, compared: Compared, by: str) -> None:
        """Keep it as the provider's last. Raises Unavailable."""
        await self._kept.enter(compared.whole, by)

    async def _spent(self, bill: Bill, days: Days, *, models: bool) -> dict[Cell, Sum]:
        wanted = Wanted(
            by=(By.DAY, By.MODEL) if models else (By.DAY,),
            days=days,
            only={By.PROVIDER: bill.provider},
            sent=True,
        )
        found: list[Sum] = []
        await self._ledger.sums(wanted, found.append)
        cells = {_cell(each): each for each in found}
        return {cell: each for cell, each in cells.items() if _counts(bill, cell, each)}


def _cell(found: Sum) -> Cell:
    day, *model = found.keys
    return date.fromisoformat(day), model[0] if model else None


def _counts(bill: Bill, cell: Cell, found: Sum) -> bool:
    """What cost nothing is on no bill."""
    return bool(found.spent or found.held) and (not bill.models or cell[1] in bill.models)


def _rows(billed: Mapping[Cell, int], spent: Mapping[Cell, Sum]) -> Iterator[Drift]:
    for cell in sorted({*billed, *spent}, key=lambda cell: (cell[0], cell[1] or "")):
        day, model = cell
        entered = spent.get(cell, Sum())
        yield Drift(
            day=day,
            model=model,
            billed=Nano(billed.get(cell, 0)),
            spent=entered.spent,
            held=entered.held,
        )
