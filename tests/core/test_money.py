"""Money: whole nano-dollars, read and written exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.errors import InvalidRequest
from imagewright.core.money import DOLLAR, FREE, Nano, parse_usd, usd


@given(st.integers(0, 999_999_999 * DOLLAR + DOLLAR - 1))
def test_an_amount_written_and_read_is_the_same(amount: int) -> None:
    assert parse_usd(usd(Nano(amount))) == amount


@given(st.integers(1, 10**18))
def test_a_negative_amount_is_written_with_a_sign(amount: int) -> None:
    assert usd(Nano(-amount)) == f"-{usd(Nano(amount))}"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (FREE, "0.00"),
        (Nano(1), "0.000000001"),
        (Nano(13_200_000), "0.0132"),
        (Nano(2 * DOLLAR), "2.00"),
        (Nano(-DOLLAR // 2), "-0.50"),
        (Nano(1_234_500_000_000), "1234.50"),
    ],
)
def test_an_amount_has_at_least_two_places_and_loses_none(amount: Nano, text: str) -> None:
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0", 0), ("0.10", DOLLAR // 10), ("20", 20 * DOLLAR), ("0.000000001", 1)],
)
def test_decimal_dollars_are_read(text: str, amount: int) -> None:
    assert parse_usd(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1.",
        ".5",
        "1e3",
        "$1",
        "1,000",
        "01",
        "0.0000000001",
        "1\n",
        " 1",
        "inf",
        "1234567890",
        "\u0661",
        "0x1",
        "1 USD",
        "nan",
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidRequest, match="decimal number"):
        parse_usd(text)
