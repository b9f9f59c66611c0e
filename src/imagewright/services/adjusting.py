"""Enters what a bill is higher by as adjustments of the jobs that it bills."""

import hashlib
from dataclasses import dataclass

from imagewright.core.adjustment import Adjustment
from imagewright.core.bill import Drift, Line, Tolerance
from imagewright.core.money import FREE, Nano
from imagewright.core.revocation import Warrant
from imagewright.core.usage import By, Days, Sum, Wanted
from imagewright.ports.books import Books
from imagewright.ports.ledger import LedgerReader
from imagewright.services.reconciling import Bill, Compared, targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """How many jobs were adjusted, by how much, and where none could be."""

    jobs: int
    amount: Nano
    left: tuple[Drift, ...]


class Adjuster:
    """Works beside a running service; what broke off goes on where it was begun again."""

    def __init__(self, ledger: LedgerReader, books: Books) -> None:
        self._ledger = ledger
        self._books = books

    async def adjust(
        self, bill: Bill, compared: Compared, tolerance: Tolerance, warrant: Warrant
    ) -> Adjusted:
        """Adjust where the bill is higher by more than the tolerance.

        A day and model with money that is still held is left: what is open may be what was
        billed. So is one without a job that made something or cost something.
        Raises InvalidRequest or Unavailable.
        """
        count, amount, left = 0, 0, []
        for row in compared.rows:
            if row.drift <= 0 or tolerance.takes(row.drift, row.billed):
                continue
            jobs = () if row.held else await self._jobs(bill.provider, row)
            if not jobs:
                left.append(row)
                continue
            lines = tuple(line for cell, line in bill.counted() if cell == (row.day, row.model))
            for each in _adjustments(bill.provider, row, lines, jobs, warrant):
                if await self._books.adjust(each):
                    count, amount = count + 1, amount + each.amount
        return Adjusted(jobs=count, amount=Nano(amount), left=tuple(left))

    async def _jobs(self, provider: str, row: Drift) -> tuple[Sum, ...]:
        only = {By.PROVIDER: provider}
        if row.model is not None:
            only[By.MODEL] = row.model
        days = Days(first=row.day, last=row.day)
        found: list[Sum] = []
        wanted = Wanted(by=(By.JOB, By.REQUEST), days=days, only=only, sent=True)
        await self._ledger.sums(wanted, found.append)
        return tuple(each for each in found if each.spent or each.images)


def _adjustments(
    provider: str, row: Drift, lines: tuple[Line, ...], jobs: tuple[Sum, ...], warrant: Warrant
) -> list[Adjustment]:
    """What is missing of each job's target.

    The reference names the bill and the target, so that two who enter one bill enter it once.
    """
    billed = f"{provider}\n{row.model or ''}\n{row.billed}"
    bill = f"bill of {row.day} {hashlib.sha256(billed.encode()).hexdigest()[:16]}"
    aims = targets(row, lines, jobs)
    missing = {each.keys[0]: Nano(aims[each.keys[0]] - each.spent) for each in jobs}
    return [
        Adjustment(job=job, amount=amount, reference=f"{bill} to {aims[job]}", warrant=warrant)
        for job, amount in missing.items()
        if amount != FREE
    ]
