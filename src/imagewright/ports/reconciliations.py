"""How far the last bill of each provider was from the ledger."""

from typing import Protocol

from imagewright.core.bill import Reconciliation


class Reconciliations(Protocol):
    """Every method is one transaction; it may run beside a service."""

    async def enter(self, found: Reconciliation, by: str) -> None:
        """Keep it as its provider's last; audited in the operator's name. Raises Unavailable."""

    async def last(self) -> tuple[Reconciliation, ...]:
        """The last of each provider, in the order of their names. Raises Unavailable."""
