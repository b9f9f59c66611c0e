"""The limits that the books keep: images in a day, and bytes of stored originals."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo

from imagewright.core.bounds import bounds
from imagewright.core.budget import Span, day_began, resets_at
from imagewright.core.caller import Caller
from imagewright.core.errors import QuotaExceeded, StorageQuota
from imagewright.core.limit import Limit
from imagewright.ports.acl import AclSource
from imagewright.ports.books import Quota
from imagewright.ports.clock import Clock

T = TypeVar("T")
_MICRO = 1_000_000
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRules:
    """The zone of days, the most bytes of one picture, and what counts a refusal by its limit."""

    zone: ZoneInfo
    picture: int = 50 * MIB
    limited: Callable[[str], None] = lambda _: None


class Quotas:
    """What a caller may still enter; the books decide it where they enter."""

    def __init__(self, acl: AclSource, clock: Clock, rules: QuotaRules) -> None:
        self._acl = acl
        self._clock = clock
        self._rules = rules

    def of(self, caller: Caller) -> Quota:
        """What the books hold against an ask or an import of the caller. Raises Unavailable."""
        found = bounds(self._acl.current(), caller)
        return Quota(
            images=found.images,
            since=day_began(self._clock.now(), self._rules.zone),
            storage=found.storage,
            picture=self._rules.picture,
        )

    async def entered(self, entering: Awaitable[T]) -> T:
        """What was entered. A refusal is counted, and one of a day says when that ends."""
        try:
            return await entering
        except StorageQuota:
            self._rules.limited(Limit.STORAGE.value)
            raise
        except QuotaExceeded as fault:
            self._rules.limited(Limit.IMAGES.value)
            now = self._clock.now()
            resets = resets_at(Span.DAY, now, self._rules.zone)
            details = {
                **fault.details,
                "resets_at": resets // _MICRO,
                "retry_after": max(1, -((now - resets) // _MICRO)),
            }
            raise QuotaExceeded(fault.sentence, hint=fault.hint, details=details) from None
