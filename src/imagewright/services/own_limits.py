"""What a caller has used of its own limits, and what is left of each."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from imagewright.core.budget import Span, day_began, resets_at
from imagewright.core.caller import Caller
from imagewright.core.limit import Bound
from imagewright.ports.books import Books
from imagewright.ports.clock import Clock
from imagewright.services.limiter import Limiter

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One limit of the caller's, and what is used of it.

    `resets_at` (UTC microseconds) is when more is left, where time alone brings that.
    """

    bound: Bound
    used: int
    left: int
    resets_at: int | None = None


class OwnLimits:
    """Shows a caller what limits it, and nothing of anybody else."""

    def __init__(self, books: Books, limiter: Limiter, clock: Clock, zone: ZoneInfo) -> None:
        self._books = books
        self._limiter = limiter
        self._clock = clock
        self._zone = zone

    async def of(self, caller: Caller) -> tuple[Standing, ...]:
        """The caller's own limits with what is used of each. Raises Unavailable."""
        now, found = self._clock.now(), []
        for spent in await self._limiter.spent(caller):
            waits = spent.used >= spent.bound.most
            resets = now + spent.after * _MICRO if waits else None
            found.append(_standing(spent.bound, spent.used, resets))
        bounds = self._limiter.bounds(caller)
        kept = (bounds.images, bounds.jobs, bounds.storage)
        if any(kept):
            tally = await self._books.tally(caller.subject, day_began(now, self._zone))
            numbers = (tally.made, tally.running, tally.stored)
            ends = (resets_at(Span.DAY, now, self._zone), None, None)
            for bound, used, resets in zip(kept, numbers, ends, strict=True):
                if bound is not None:
                    found.append(_standing(bound, used, resets))
        return tuple(found)


def _standing(bound: Bound, used: int, resets: int | None) -> Standing:
    return Standing(bound=bound, used=used, left=max(0, bound.most - used), resets_at=resets)
