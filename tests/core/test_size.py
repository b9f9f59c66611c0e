"""Sizes: written WIDTHxHEIGHT."""

import pytest
from hypothesis import given

from imagewright.core.errors import InvalidRequest
from imagewright.core.size import Size
from tests.core.strategies import sizes


@given(sizes)
def test_a_size_written_and_read_is_the_same(size: Size) -> None:
    assert Size.parse(str(size)) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auto",
        "1024",
        "1024x",
        "x1024",
        "0x1024",
        "1024x0",
        "01024x1024",
        "1024X1024",
        "-1x1",
        "1024x1024\n",
        " 1024x1024",
        "1024\u00d71024",
        "1000000x1",
        "1x1000000",
        "1.5x2",
    ],
)
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(InvalidRequest, match="WIDTHxHEIGHT"):
        Size.parse(text)


def test_a_size_knows_its_pixels_and_its_ratio_in_lowest_terms() -> None:
    assert Size(1536, 1024).pixels == 1_572_864
    assert Size(1536, 1024).ratio == "3:2"
    assert Size(1360, 768).ratio == "85:48"
