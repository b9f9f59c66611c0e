"""Revocations in memory."""

from dataclasses import dataclass, field, replace

from imagewright.core.errors import NotFound
from imagewright.core.revocation import Revocation, Target, Warrant


@dataclass
class MemoryRevocations:
    """Keeps `ports.revocations.Revocations` but for jobs, of which it has none.

    `fault` is raised instead of what is in force.
    """

    fault: Exception | None = None
    rows: list[Revocation] = field(default_factory=list)

    async def in_force(self) -> frozenset[Target]:
        if self.fault is not None:
            raise self.fault
        return frozenset(row.target for row in self.rows if row.lifted_at is None)

    async def revoke(self, target: Target, warrant: Warrant) -> Revocation:
        if (found := self._find(target)) is None:
            found = Revocation(
                id=len(self.rows) + 1,
                target=target,
                at=warrant.at,
                by=warrant.by,
                reason=warrant.reason,
            )
            self.rows.append(found)
        return found

    async def end_queued(self, target: Target, warrant: Warrant) -> int:
        return 0

    async def lift(self, target: Target, warrant: Warrant) -> Revocation:
        if (found := self._find(target)) is None:
            raise NotFound("There is no such revocation in force.")
        lifted = replace(found, lifted_at=warrant.at, lifted_by=warrant.by)
        self.rows[self.rows.index(found)] = lifted
        return lifted

    async def list(self, *, lifted: bool, limit: int = 1000) -> tuple[Revocation, ...]:
        found = [row for row in reversed(self.rows) if lifted or row.lifted_at is None]
        return tuple(found[:limit])

    def _find(self, target: Target) -> Revocation | None:
        found = (row for row in self.rows if row.target == target and row.lifted_at is None)
        return next(found, None)
