"""Accounts that an ask is held on, and the limits they keep."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

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
    """An account that an ask is held on, and the most it may reach (None: counted, not limited).

    `soft` is the amount from which on the operator is told.
    """

    account: Account
    limit: Nano | None = None
    soft: Nano | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A soft limit that an account has reached, and what is held and settled on it.

    An account has one for each soft limit, however often it falls below and rises again.
    """

    account: Account
    soft: Nano
    used: Nano


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A ceiling per call, day and month; None is no ceiling, 0 means nothing may be spent.

    From `soft_day` or `soft_month` on the operator is told, and asks go on.
    """

    per_call: Nano | None = None
    day: Nano | None = None
    month: Nano | None = None
    soft_day: Nano | None = None
    soft_month: Nano | None = None

    def limit(self, span: Span) -> Nano | None:
        """The ceiling of a day or a month."""
        return self.day if span is Span.DAY else self.month

    def soft(self, span: Span) -> Nano | None:
        """The soft limit of a day or a month."""
        return self.soft_day if span is Span.DAY else self.soft_month


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone)


def period(span: Span, at: int, zone: ZoneInfo) -> str:
    """The name of the day or month that `at` (UTC microseconds) lies in, in the zone."""
    return _local(at, zone).strftime("%Y-%m-%d" if span is Span.DAY else "%Y-%m")


def day_began(at: int, zone: ZoneInfo) -> int:
    """When the day that `at` lies in began, in UTC microseconds."""
    # Where clocks go back over midnight it comes twice, and the day begins at the first.
    first = _local(at, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return int(first.timestamp()) * 1_000_000


def resets_at(span: Span, at: int, zone: ZoneInfo) -> int:
    """When the next period begins, in UTC microseconds."""
    first = _local(at, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if span is Span.DAY:
        following = first + timedelta(days=1)
    else:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    return int(following.timestamp()) * 1_000_000
