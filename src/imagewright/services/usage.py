"""What a subject has spent, and what is left to it."""

from collections.abc import Iterable
from dataclasses import dataclass

from imagewright.core.budget import Charge, Level, Span
from imagewright.core.caller import Caller
from imagewright.core.money import Nano
from imagewright.ports.books import Balance, Books
from imagewright.services.accounts import Accounts

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
    """Lists a caller's own levels only: token, subject and groups, never everyone's."""

    def __init__(self, books: Books, accounts: Accounts) -> None:
        self._books = books
        self._accounts = accounts

    async def allowances(self, caller: Caller) -> tuple[Allowance, ...]:
        """Day and month of each of the caller's own levels, the narrowest first."""
        found = await self._read(caller, ())
        return tuple(each for each in found if each.level in _OWN)

    async def tightest(self, caller: Caller, providers: Iterable[str]) -> Allowance | None:
        """Of all that limits the caller's spending at the providers, what has the least left.

        Everyone's and the providers' count too: whoever spends in them learns from a refusal
        what is left, and needs to know it before.
        """
        limited = [each for each in await self._read(caller, providers) if each.left is not None]
        return min(limited, key=lambda each: each.left or 0, default=None)

    async def _read(self, caller: Caller, providers: Iterable[str]) -> list[Allowance]:
        rows = [
            (span, charge)
            for purse in self._accounts.purses(caller, providers)
            for span, charge in self._accounts.spans(purse).items()
        ]
        balances = await self._books.balances(tuple(charge.account for _, charge in rows))
        return [
            self._allowance(span, charge, balance)
            for (span, charge), balance in zip(rows, balances, strict=True)
        ]

    def _allowance(self, span: Span, charge: Charge, balance: Balance) -> Allowance:
        used = balance.held + balance.settled
        return Allowance(
            level=charge.account.level,
            key=charge.account.key,
            span=span,
            held=balance.held,
            settled=balance.settled,
            limit=charge.limit,
            left=None if charge.limit is None else max(0, charge.limit - used),
            resets_at=self._accounts.resets_at(span),
        )
