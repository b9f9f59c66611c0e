"""Settling: never below nothing, never above the ceiling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.money import Nano
from imagewright.core.spending import NONE_MISSING, Missing, Settled, cost, settle

CEILING = Nano(1_000)


@given(ceiling=st.integers(0, 10**12), reported=st.none() | st.integers(-(10**12), 10**13))
def test_what_is_entered_lies_between_nothing_and_the_ceiling(
    ceiling: int, reported: int | None
) -> None:
    settled = settle(Nano(ceiling), None if reported is None else Nano(reported))

    assert 0 <= settled.amount <= ceiling


@pytest.mark.parametrize("reported", [0, 1, 999, 1_000])
def test_a_report_within_the_ceiling_is_the_cost(reported: int) -> None:
    assert settle(CEILING, Nano(reported)) == Settled(amount=Nano(reported))


def test_without_a_report_the_ceiling_is_the_cost() -> None:
    assert settle(CEILING, None) == Settled(amount=CEILING)


@pytest.mark.parametrize("reported", [-1, 1_001])
def test_a_report_that_cannot_be_is_disputed_and_costs_the_ceiling(reported: int) -> None:
    assert settle(CEILING, Nano(reported)) == Settled(amount=CEILING, disputed=Nano(reported))


@pytest.mark.parametrize(
    ("reported", "missing", "amount"),
    [
        (None, NONE_MISSING, None),
        (7, NONE_MISSING, 7),
        (None, Missing(spared=1), 667),
        (None, Missing(spared=1, unsure=1), 667),
        (None, Missing(unsure=2), None),
        (7, Missing(spared=2), 7),
        (7, Missing(unsure=1), 7 + 334),
    ],
)
def test_the_missing_cost_nothing_or_their_share(
    reported: int | None, missing: Missing, amount: int | None
) -> None:
    told = None if reported is None else Nano(reported)
    assert cost(CEILING, 3, told, missing) == amount
