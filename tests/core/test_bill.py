from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.bill import Drift, Reconciliation, Tolerance, shares
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import DOLLAR, Nano

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "drift", "billed", "within"),
    [
        ("0.01", 10_000_000, 0, True),
        ("0.01", -10_000_000, 0, True),
        ("0.01", 10_000_001, DOLLAR, False),
        ("0", 0, DOLLAR, True),
        ("0", 1, DOLLAR, False),
        ("2%", 20_000_000, DOLLAR, True),
        ("2%", -20_000_001, DOLLAR, False),
        ("0.5%", 5_000_000, -DOLLAR, True),
        ("2%", 1, 0, False),
    ],
)
def test_a_tolerance_is_an_amount_or_a_share(
    text: str, drift: int, billed: int, within: bool
) -> None:
    assert Tolerance.read(text).takes(Nano(drift), Nano(billed)) is within


@pytest.mark.parametrize("text", ["", "-1", "1e3", "NaN", "5 USD", "2 %", "%", "1000000%", "²%"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="neither an amount nor a share"):
        Tolerance.read(text)


def test_drift_is_what_the_bill_is_higher_by() -> None:
    assert Drift(day=DAY, model=None, billed=Nano(5), spent=Nano(7), held=Nano(9)).drift == -2
    whole = Reconciliation(
        provider="openai",
        at=0,
        first=DAY,
        last=DAY,
        billed=Nano(3 * DOLLAR),
        spent=Nano(DOLLAR),
        held=Nano(0),
    )
    assert whole.drift == 2 * DOLLAR
    assert str(whole) == "3.00 billed, 1.00 spent, drift 2.00"


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**15), min_size=1, max_size=40).map(tuple))
def test_shares_add_up_and_follow_the_weights(amount: int, weights: tuple[int, ...]) -> None:
    found = shares(Nano(amount), weights)
    assert sum(found) == amount
    assert len(found) == len(weights)
    whole = sum(weights)
    for share, weight in zip(found, weights, strict=True):
        exact = amount * weight / whole if whole else amount / len(weights)
        assert abs(share - exact) <= max(1.0, exact * 1e-9)
