"""The ledger as it is read: what was spent, by whom, where and when."""

from collections.abc import Callable
from typing import Protocol

from imagewright.core.usage import Sum, Wanted

Tell = Callable[[Sum], None]


class LedgerReader(Protocol):
    """Only reads, so that it may work beside a running service."""

    async def sums(self, wanted: Wanted, tell: Tell) -> None:
        """Tell every sum once, ordered by its keys, those of a day after those of the day before.

        All are of one moment. `tell` is called on a thread of the reader's own, one sum after the
        other, and what it raises ends the reading; with days among the keys, no more than a day's
        are in memory at once. Raises Unavailable.
        """
