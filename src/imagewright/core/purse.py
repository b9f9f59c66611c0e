"""Whose money an ask is held on: a level, its name and its budget."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from imagewright.core.budget import Account, Budget, Charge, Level, Span, period
from imagewright.core.caller import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """One level's name and budget."""

    level: Level
    key: str
    budget: Budget


def purses(
    caller: Caller, providers: Iterable[str], budgets: Mapping[tuple[Level, str], Budget]
) -> tuple[Purse, ...]:
    """Every level that counts a caller's spending at any of the providers, limited or not.

    The order is fixed: token, subject, groups by name, providers by name, everyone. The token's
    budget is its credential's own.
    """
    token = (Level.TOKEN, caller.credential.id)
    known = {**budgets, token: caller.credential.budget}
    keys: Iterable[tuple[Level, str]] = [
        token,
        (Level.SUBJECT, caller.subject),
        *((Level.GROUP, group) for group in sorted(caller.groups)),
        *((Level.PROVIDER, provider) for provider in sorted(set(providers))),
        (Level.EVERYONE, ""),
    ]
    return tuple(
        Purse(level=level, key=key, budget=known.get((level, key), Budget())) for level, key in keys
    )


def charges(held: Iterable[Purse], at: int, zone: ZoneInfo) -> tuple[Charge, ...]:
    """The accounts of every purse's day and month, ordered so that no two holds can deadlock."""
    found = [
        Charge(
            account=Account(level=purse.level, key=purse.key, period=period(span, at, zone)),
            limit=purse.budget.limit(span),
            soft=purse.budget.soft(span),
        )
        for purse in held
        for span in Span
    ]
    return tuple(sorted(found, key=lambda charge: charge.account))
