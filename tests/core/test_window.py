"""A sliding window says when there is room, and is right."""

from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.window import Window

MINUTE = 60


def test_what_was_before_fades_evenly() -> None:
    assert Window(seconds=MINUTE).counted == 0
    half = Window(seconds=MINUTE, previous=10, fading=30.0, current=2, left=30.0)
    assert half.counted == 7
    assert half.after(8, 1) == 0
    assert half.after(7, 1) == 1
    assert half.after(5, 1) == 13
    assert half.after(7, 8) == MINUTE


def test_a_span_that_is_full_of_itself_waits_for_its_own_end() -> None:
    full = Window(seconds=MINUTE, current=10, left=20.0)
    assert full.after(10, 1) == 21
    assert full.after(10, 10) == 75


@given(
    previous=st.integers(0, 50),
    current=st.integers(0, 50),
    left=st.floats(0.001, MINUTE),
    most=st.integers(1, 50),
    cost=st.integers(1, 50),
)
def test_whoever_waits_as_told_has_room(
    previous: int, current: int, left: float, most: int, cost: int
) -> None:
    def at(later: float) -> Window:
        """The same counts, as they stand after so many seconds in which nothing came."""
        if later < left:
            rest = left - later
            return Window(
                seconds=MINUTE, previous=previous, fading=rest, current=current, left=rest
            )
        rest = max(0.0, left + MINUTE - later)
        return Window(seconds=MINUTE, previous=current, fading=rest, current=0, left=rest)

    after = at(0.0).after(most, cost)
    assert 0 <= after <= 2 * MINUTE + 1
    if cost <= most:
        assert at(float(after)).after(most, cost) == 0
    else:
        assert after in {0, MINUTE}
