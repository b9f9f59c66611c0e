"""The limits on requests and downloads: counted before anything is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from imagewright.core.bounds import Bounds, bounds
from imagewright.core.caller import Caller
from imagewright.core.errors import Fault, QuotaExceeded, RateLimited, Unavailable
from imagewright.core.limit import Bound, Limit, Pace
from imagewright.core.neighbourhood import neighbourhood
from imagewright.core.policy import Acl
from imagewright.ports.acl import AclSource
from imagewright.ports.rates import Rates
from imagewright.ports.telemetry import Telemetry

STRANGERS = "strangers"
_KEPT = 10_000
_Whose = tuple[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A rate or a bandwidth, how much of it is used up, and seconds until one more has room."""

    bound: Bound
    used: int
    after: int


class Limiter:
    """Every caller is counted by its subject, whichever of its tokens it shows."""

    def __init__(
        self, acl: AclSource, rates: Rates, telemetry: Telemetry, strangers: Pace | None = None
    ) -> None:
        """`strangers` is how often an address may show a token that is not good; None is no end."""
        self._acl = acl
        self._rates = rates
        self._telemetry = telemetry
        self._strangers = strangers
        self._known: tuple[Acl | None, dict[_Whose, Bounds]] = (None, {})

    def bounds(self, caller: Caller) -> Bounds:
        """The limits in force for the caller. Raises Unavailable."""
        acl = self._acl.current()
        if self._known[0] is not acl or len(self._known[1]) >= _KEPT:
            self._known = (acl, {})
        whose = (caller.subject, caller.groups)
        found = self._known[1].get(whose)
        if found is None:
            found = self._known[1][whose] = bounds(acl, caller)
        return found

    def jobs(self, caller: Caller) -> int | None:
        """How many jobs of the caller's subject may run at once, where that is limited."""
        found = self.bounds(caller).jobs
        return found.most if found is not None else None

    async def ask(self, caller: Caller) -> None:
        """Count a request. Raises RateLimited, and Unavailable where it cannot be counted."""
        await self._take(caller, self.bounds(caller).rate, 1)

    async def download(self, caller: Caller, size: int) -> None:
        """Count bytes that are about to be sent. Raises QuotaExceeded and Unavailable."""
        await self._take(caller, self.bounds(caller).bandwidth, size)

    async def stranger(self, address: str | None) -> None:
        """Count a token that was not good. Raises RateLimited where there were too many.

        Only failures count, and a good token is never asked for them: who shares an address with
        whoever guesses is let in all the same. A store that is away changes no answer to them.
        """
        if self._strangers is None:
            return
        try:
            after = await self._rates.take(f"failed {neighbourhood(address)}", self._strangers)
        except Unavailable:
            return
        if after:
            self._telemetry.limited(STRANGERS)
            raise RateLimited(
                "Too many tokens from your network were not valid.",
                hint="Stop sending this token; ask the operator for another.",
                details={"limit": STRANGERS, "retry_after": after},
            )

    async def spent(self, caller: Caller) -> tuple[Spent, ...]:
        """What the caller has used up of its rates and bandwidths. Raises Unavailable."""
        found = self.bounds(caller)
        told = []
        for bound in (*found.rate, *found.bandwidth):
            window = await self._rates.look(_key(caller, bound), bound.seconds)
            after = window.after(bound.most, 1)
            told.append(Spent(bound=bound, used=min(window.counted, bound.most), after=after))
        return tuple(told)

    async def _take(self, caller: Caller, limits: Sequence[Bound], cost: int) -> None:
        for bound in limits:
            after = await self._rates.take(_key(caller, bound), bound.pace, cost)
            if after:
                self._telemetry.limited(bound.limit.value)
                raise await self._refusal(caller, bound, cost, after)

    async def _refusal(self, caller: Caller, bound: Bound, cost: int, after: int) -> Fault:
        details = {**bound.details, "retry_after": after}
        if bound.limit is Limit.RATE:
            return RateLimited(
                f"More than {bound} requests; the limit is for {bound.whose}.",
                hint=f"Wait {after} seconds, then call again.",
                details=details,
            )
        window = await self._rates.look(_key(caller, bound), bound.seconds)
        left = max(0, bound.most - window.counted)
        return QuotaExceeded(
            f"These {bound.amount(cost)} do not fit: {bound.amount(left)} are left to download of "
            f"{bound}; the limit is for {bound.whose}.",
            hint=f"Wait {after} seconds, or ask for a smaller rendition.",
            details={**details, "used": window.counted, "left": left},
        )


def _key(caller: Caller, bound: Bound) -> str:
    return f"{bound.limit.value} {caller.subject}"
