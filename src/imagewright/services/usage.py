"""What a subject has spent, and what is left to it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from imagewright.core.budget import Level, Span, resets_at
from imagewright.core.caller import Caller
from imagewright.core.money import Nano
from imagewright.ports.books import Books
from imagewright.ports.clock import Clock
from imagewright.services.gate import Gate

_OWN = frozenset({Level.TOKEN, Level.SUBJECT, Level.GROUP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One level's day or month: held, settled, the limit and what is left (None: no limit).

    `resets_at` is UTC microseconds.
    """

    level: Level
    key: str
    span: Span
    held: int
    settled: int
    limit: Nano | None
    left: int | None
    resets_at: int


class UsageService:
    """Shows a caller its own levels only: token, subject and groups, never everyone's."""

    def __init__(self, books: Books, gate: Gate, clock: Clock, zone: ZoneInfo) -> None:
        self._books = books
        self._gate = gate
        self._clock = clock
        self._zone = zone

    async def allowances(self, caller: Caller) -> tuple[Allowance, ...]:
        """Day and month of each of the caller's own levels, the narrowest first."""
        now = self._clock.now()
        own = [purse for purse in self._gate.purses(caller, "") if purse.level in _OWN]
        found = []
        for purse in own:
            for span, charge in self._gate.accounts(purse).items():
                (balance,) = await self._books.balances((charge.account,))
                used = balance.held + balance.settled
                found.append(
                    Allowance(
                        level=purse.level,
                        key=purse.key,
                        span=span,
                        held=balance.held,
                        settled=balance.settled,
                        limit=charge.limit,
                        left=None if charge.limit is None else max(0, charge.limit - used),
                        resets_at=resets_at(span, now, self._zone),
                    )
                )
        return tuple(found)
