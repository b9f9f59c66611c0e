"""Circuit breakers: a provider that fails again and again is left alone for a while."""

from dataclasses import dataclass

from imagewright.core.errors import (
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.ports.clock import Clock
from imagewright.ports.telemetry import Telemetry

TROUBLE = (
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderUnavailable,
)
"""What counts against a provider."""
WORKS = (ModerationBlocked, ProviderBusy, ProviderRejected, Unsupported)
"""Refusals of one ask, which prove that it works. Anything else proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """`failures` in a row open it, for `rest` seconds, doubled each time up to `longest`."""

    failures: int = 5
    rest: float = 30.0
    longest: float = 600.0


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    opened: int = 0
    until: float = 0.0
    probing: bool = False


class Breakers:
    """One for each provider of this process.

    Open, nothing is asked of it. When its rest is over it is half open: one call tries, and the
    others are refused until that one has ended.
    """

    def __init__(
        self, clock: Clock, telemetry: Telemetry, rules: BreakerRules | None = None
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._rules = rules or BreakerRules()
        self._all: dict[str, _Breaker] = {}

    def resting(self) -> frozenset[str]:
        """The providers that a call would be refused for now."""
        return frozenset(name for name, each in self._all.items() if self._closed_to(each))

    def enter(self, provider: str) -> None:
        """Before a call. Raises ProviderUnavailable where it is open, or another tries it."""
        breaker = self._all.setdefault(provider, _Breaker())
        if self._closed_to(breaker):
            left = max(1, round(breaker.until - self._clock.monotonic()))
            raise ProviderUnavailable(
                f"The provider {provider} has failed again and again, and is left alone.",
                hint=f"Try again in {left} s, or ask another provider.",
                details={"retry_after": left},
            )
        breaker.probing = breaker.opened > 0

    def leave(self, provider: str, error: BaseException | None) -> None:
        """After a call that was entered, with what it raised."""
        breaker = self._all[provider]
        # Calls that began before it opened end one after another; they are one trouble, not many.
        late = breaker.opened > 0 and not breaker.probing
        breaker.probing = False
        if error is None or isinstance(error, WORKS):
            breaker.failures = breaker.opened = 0
            self._telemetry.breaker(provider, is_open=False)
        elif isinstance(error, TROUBLE) and not late:
            self._count(provider, breaker)

    def _count(self, provider: str, breaker: _Breaker) -> None:
        rules = self._rules
        breaker.failures += 1
        if breaker.opened or breaker.failures >= rules.failures:
            rest = min(rules.longest, rules.rest * 2.0 ** min(breaker.opened, 30))
            breaker.until = self._clock.monotonic() + rest
            breaker.opened += 1
            self._telemetry.breaker(provider, is_open=True)

    def _closed_to(self, breaker: _Breaker) -> bool:
        if not breaker.opened:
            return False
        return breaker.probing or self._clock.monotonic() < breaker.until
