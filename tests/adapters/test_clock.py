"""A clock that was never set is no clock."""

from datetime import UTC, datetime

import pytest

from imagewright.adapters.clock import YEAR, refuse_unset
from imagewright.core.errors import Unavailable
from tests.contracts.samples import SECOND
from tests.fakes.clock import HandClock

_NEW_YEAR = round(datetime(YEAR, 1, 1, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(("now", "day"), [(0, "1970-01-01"), (_NEW_YEAR - 1, f"{YEAR - 1}-12-31")])
def test_one_that_is_older_than_the_program_is_refused(now: int, day: str) -> None:
    with pytest.raises(Unavailable) as refused:
        refuse_unset(HandClock(now))
    assert refused.value.sentence == f"The clock says {day}, and this program is of {YEAR}."
    assert refused.value.hint.startswith("Set the clock")


@pytest.mark.parametrize("now", [_NEW_YEAR, _NEW_YEAR + 10**9 * SECOND])
def test_any_other_is_taken(now: int) -> None:
    refuse_unset(HandClock(now))
