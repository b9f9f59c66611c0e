"""What a correction must say."""

import pytest

from imagewright.core.adjustment import Adjustment
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import DOLLAR, Nano
from imagewright.core.revocation import Warrant

WARRANT = Warrant(by="root", reason="the November bill", at=1)


@pytest.mark.parametrize("amount", [1, -1, 1_000_000 * DOLLAR, -1_000_000 * DOLLAR])
def test_more_and_less_are_both_amounts(amount: int) -> None:
    made = Adjustment(job="job_x", amount=Nano(amount), reference="bill 7", warrant=WARRANT)
    assert made.amount == amount


@pytest.mark.parametrize("amount", [0, 1_000_000 * DOLLAR + 1, -1_000_000 * DOLLAR - 1])
def test_nothing_and_too_much_are_none(amount: int) -> None:
    with pytest.raises(InvalidRequest):
        Adjustment(job="job_x", amount=Nano(amount), reference="bill 7", warrant=WARRANT)


@pytest.mark.parametrize("reference", ["", "  ", "x" * 201, "two\nlines", "nul\x00"])
def test_a_reference_is_one_line(reference: str) -> None:
    with pytest.raises(InvalidRequest):
        Adjustment(job="job_x", amount=Nano(1), reference=reference, warrant=WARRANT)
