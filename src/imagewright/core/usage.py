"""What was spent, summed by whatever is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from imagewright.core.errors import InvalidRequest
from imagewright.core.money import Nano

_UTC = ZoneInfo("UTC")


class By(StrEnum):
    """What sums can be made by; a job counts in each of its groups.

    A request is what the provider calls its answer; empty where it told none.
    """

    SUBJECT = "subject"
    GROUP = "group"
    PROVIDER = "provider"
    MODEL = "model"
    TOKEN = "token"  # noqa: S105 - a dimension, not one of them
    DAY = "day"
    JOB = "job"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Days of a time zone, the first and the last among them; None is no bound.

    Raises InvalidRequest where the last comes before the first.
    """

    first: date | None = None
    last: date | None = None
    zone: ZoneInfo = _UTC

    def __post_init__(self) -> None:
        if self.first and self.last and self.last < self.first:
            raise InvalidRequest(
                f"The last day, {self.last}, comes before the first, {self.first}.",
                hint="Exchange them.",
            )

    @property
    def begin(self) -> int | None:
        """When the first begins, in UTC microseconds."""
        return None if self.first is None else midnight(self.first, self.zone)

    @property
    def end(self) -> int | None:
        """When the last has ended."""
        if self.last is None or self.last == date.max:
            return None
        return midnight(self.last + timedelta(days=1), self.zone)


def midnight(day: date, zone: ZoneInfo) -> int:
    """When a day begins in a zone, in UTC microseconds."""
    begin = datetime.combine(day, time(), zone) - datetime(1970, 1, 1, tzinfo=UTC)
    return begin // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs are summed, and by what.

    A job is of the day on which its hold was made, as in the budgets; with `sent`, of the day on
    which its provider was called, and one that never was is left out. `only` has the one value
    that counts; a day stands in `days` instead.
    """

    by: tuple[By, ...] = ()
    days: Days = field(default_factory=Days)
    only: Mapping[By, str] = field(default_factory=dict)
    sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What jobs came to. `keys` stand in the order of `Wanted.by`; money is nano-dollars.

    `held` is what open jobs, and those of unknown outcome, may still cost. `adjusted` is what
    bills were higher than what was settled. `disputed` is that part of `settled` where the ceiling
    was entered because the provider's own report was not to be believed.
    """

    keys: tuple[str, ...] = ()
    jobs: int = 0
    images: int = 0
    held: Nano = Nano(0)
    settled: Nano = Nano(0)
    adjusted: Nano = Nano(0)
    disputed: Nano = Nano(0)

    @property
    def spent(self) -> Nano:
        """What was settled and adjusted together."""
        return Nano(self.settled + self.adjusted)
