from datetime import date
from zoneinfo import ZoneInfo

import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.money import Nano
from imagewright.core.usage import Days, Sum, midnight

HOUR = 3_600_000_000


def test_without_bounds_there_are_none() -> None:
    assert (Days().begin, Days().end) == (None, None)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-11-21", 24), ("2026-10-25", 25), ("2026-03-29", 23)]
)
def test_a_day_is_as_long_as_it_is_in_its_zone(day: str, hours: int) -> None:
    only = date.fromisoformat(day)
    found = Days(first=only, last=only, zone=ZoneInfo("Europe/Berlin"))
    assert found.begin is not None
    assert found.end is not None
    assert found.end - found.begin == hours * HOUR


def test_midnight_is_where_the_day_begins() -> None:
    assert midnight(date(1970, 1, 1), ZoneInfo("UTC")) == 0
    assert midnight(date(1970, 1, 2), ZoneInfo("Asia/Kathmandu")) == int(18.5 * HOUR)


def test_the_last_day_of_all_has_no_end() -> None:
    assert Days(last=date.max).end is None


def test_days_backwards_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="comes before"):
        Days(first=date(2026, 11, 22), last=date(2026, 11, 21))


def test_what_was_spent_is_settled_and_adjusted() -> None:
    assert Sum(held=Nano(9), settled=Nano(2), adjusted=Nano(3), disputed=Nano(1)).spent == 5
