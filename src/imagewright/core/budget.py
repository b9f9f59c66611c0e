"""Accounts that an ask is held on, and the limits they keep."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from imagewright.core.caller import Caller
from imagewright.core.money import Nano


class Level(StrEnum):
    """Whose money an account counts."""

    TOKEN = "token"
    SUBJECT = "subject"
    GROUP = "group"
    PROVIDER = "provider"
    EVERYONE = "everyone"


class Span(StrEnum):
    """How long a period is."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Account:
    """A row of the budgets table: level, whose, and the period (`2026-11-21` or `2026-11`)."""

    level: Level
    key: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """An account that an ask is held on, and the most it may reach (None: counted, not limited)."""

    account: Account
    limit: Nano | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A ceiling per call, day and month; None is no ceiling, 0 means nothing may be spent."""

    per_call: Nano | None = None
    day: Nano | None = None
    month: Nano | None = None

    def limit(self, span: Span) -> Nano | None:
        """The ceiling of a day or a month."""
        return self.day if span is Span.DAY else self.month


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone)


def period(span: Span, at: int, zone: ZoneInfo) -> str:
    """The name of the day or month that `at` (UTC microseconds) lies in, in the zone."""
    return _local(at, zone).strftime("%Y-%m-%d" if span is Span.DAY else "%Y-%m")


def resets_at(span: Span, at: int, zone: ZoneInfo) -> int:
    """When the next period begins, in UTC microseconds."""
    first = _local(at, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if span is Span.DAY:
        following = first + timedelta(days=1)
    else:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    return int(following.timestamp()) * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """One level's name and budget."""

    level: Level
    key: str
    budget: Budget


def purses(
    caller: Caller, provider: str, budgets: dict[tuple[Level, str], Budget]
) -> tuple[Purse, ...]:
    """Every level that counts a caller's spending at a provider, limited or not.

    The order is fixed: token, subject, groups by name, provider, everyone.
    """
    keys: Iterable[tuple[Level, str]] = [
        (Level.TOKEN, caller.credential.id),
        (Level.SUBJECT, caller.subject),
        *((Level.GROUP, group) for group in sorted(caller.groups)),
        (Level.PROVIDER, provider),
        (Level.EVERYONE, ""),
    ]
    return tuple(
        Purse(level=level, key=key, budget=budgets.get((level, key), Budget()))
        for level, key in keys
    )


def charges(held: Iterable[Purse], at: int, zone: ZoneInfo) -> tuple[Charge, ...]:
    """The accounts of every purse's day and month, ordered so that no two holds can deadlock."""
    found = [
        Charge(
            account=Account(level=purse.level, key=purse.key, period=period(span, at, zone)),
            limit=purse.budget.limit(span),
        )
        for purse in held
        for span in Span
    ]
    return tuple(sorted(found, key=lambda charge: charge.account))
