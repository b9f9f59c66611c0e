"""Sets of numbers as spans, held against Python's own sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ranges import Ranges

few = st.sets(st.integers(-20, 60))


@given(few, few)
def test_ranges_are_sets(left: set[int], right: set[int]) -> None:
    one, two = Ranges.of(left), Ranges.of(right)
    assert list(one.numbers()) == sorted(left)
    assert len(one) == len(left)
    assert list(one.plus(two).numbers()) == sorted(left | right)
    assert list(one.minus(two).numbers()) == sorted(left - right)
    assert all((number in one) == (number in left) for number in range(-21, 62))


@given(few)
def test_equal_sets_are_written_alike_and_read_again(numbers: set[int]) -> None:
    ranges = Ranges.of(numbers)
    assert Ranges.read(str(ranges)) == ranges
    assert Ranges.of(sorted(numbers, reverse=True)) == ranges


def test_spans_are_written_shortly() -> None:
    assert str(Ranges.of([5, 1, 2, 3, 9])) == "1-3,5,9"
    assert str(Ranges()) == ""


@pytest.mark.parametrize(
    "text",
    ["1-", "a", "1,,2", "3-1", "1,2", "2,1", "01", "1-1", " 1", "²", "1-99999999999999999999"],
)
def test_what_was_never_written_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="ranges"):
        Ranges.read(text)


def test_an_empty_span_adds_nothing() -> None:
    assert Ranges.joined([(5, 4)]) == Ranges()
    assert Ranges.joined([(1, 3), (4, 3)]) == Ranges(((1, 3),))
