"""Taking back and restoring, in the operator's name."""

from dataclasses import dataclass

from imagewright.core.revocation import Revocation, Target, Warrant
from imagewright.ports.clock import Clock
from imagewright.ports.revocations import Revocations


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A revocation in force, and how many queued jobs it ended."""

    revocation: Revocation
    ended: int


class RevokingService:
    """Works on the database alone, so that it serves beside a running service."""

    def __init__(self, revocations: Revocations, clock: Clock) -> None:
        self._revocations = revocations
        self._clock = clock

    async def revoke(self, target: Target, *, by: str, reason: str) -> Revoked:
        """Take something back on every node; once this returns, nothing more is spent by it.

        Whoever does it again finds the first. Raises InvalidRequest or Unavailable.
        """
        warrant = Warrant(by=by, reason=reason, at=self._clock.now())
        revocation = await self._revocations.revoke(target, warrant)
        return Revoked(
            revocation=revocation, ended=await self._revocations.end_queued(target, warrant)
        )

    async def restore(self, target: Target, *, by: str, reason: str) -> Revocation:
        """Lift a revocation. Raises NotFound, InvalidRequest or Unavailable."""
        warrant = Warrant(by=by, reason=reason, at=self._clock.now())
        return await self._revocations.lift(target, warrant)

    async def list(self, *, lifted: bool) -> tuple[Revocation, ...]:
        """Revocations in force, newest first; with `lifted` the others too. Raises Unavailable."""
        return await self._revocations.list(lifted=lifted)
