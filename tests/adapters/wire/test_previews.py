import pytest

from imagewright.adapters.wire.previews import Previews

STEPS = [step / 10 for step in range(1, 11)]


@pytest.mark.parametrize(
    ("count", "passed"), [(0, []), (1, [0.5]), (2, [0.4, 0.7]), (3, [0.3, 0.5, 0.8])]
)
def test_they_are_spread_over_the_way(count: int, passed: list[float]) -> None:
    previews = Previews(count)
    assert [share for share in STEPS if previews.take(share) is not None] == passed


def test_they_are_counted_from_the_first_of_the_picture() -> None:
    previews = Previews(2, first=4)
    assert [index for share in STEPS if (index := previews.take(share)) is not None] == [4, 5]
