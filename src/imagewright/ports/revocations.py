"""Revocations: the rows that take something back on every node at once."""

from typing import Protocol

from imagewright.core.revocation import Revocation, Target, Warrant


class Revocations(Protocol):
    """Each method is one transaction. A target has one revocation in force at most.

    What is in force is checked by `Books.admit` and `Jobs.start` in their own transactions: once
    `revoke` has returned, neither lets through what it bars.
    """

    async def in_force(self) -> frozenset[Target]:
        """Every target that is revoked now. Raises Unavailable."""

    async def revoke(self, target: Target, warrant: Warrant) -> Revocation:
        """Enter a revocation, or find the one in force, which stays as it is; either is audited."""

    async def end_queued(self, target: Target, warrant: Warrant) -> int:
        """End the queued jobs that a target bars, and release their holds; how many there were."""

    async def lift(self, target: Target, warrant: Warrant) -> Revocation:
        """End the revocation in force; what it ended stays so. Raises NotFound if none is."""

    async def list(self, *, lifted: bool, limit: int = 1000) -> tuple[Revocation, ...]:
        """Those in force, newest first; with `lifted` the others too."""
