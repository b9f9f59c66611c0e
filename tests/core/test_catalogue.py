"""The catalogue: what is found by name, and what is free."""

from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.catalogue import PerImage, PerToken, Price, SizeRule
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import FREE, Nano
from tests.core.examples import CATALOGUE, CUSTOM, PAINTER, SKETCHER, SQUARE

NOTHING = PerToken(text_in=FREE, image_in=FREE, image_out=FREE)


def test_a_provider_and_its_model_are_found_by_name() -> None:
    offer = CATALOGUE.offer("studio")

    assert offer is not None
    assert offer.model("painter-2") is PAINTER


def test_a_name_of_nothing_finds_nothing() -> None:
    assert CATALOGUE.offer("elsewhere") is None
    assert CATALOGUE.offers[0].model(SKETCHER.id) is None


def test_a_model_is_free_if_all_its_pictures_cost_nothing() -> None:
    assert replace(SKETCHER, price=PerImage(prices={"*": FREE, "low": FREE})).free


@pytest.mark.parametrize(
    "price",
    [
        None,
        NOTHING,
        PerImage(prices={}),
        PerImage(prices={"low": FREE}),
        PerImage(prices={"*": FREE, "high": Nano(1)}),
        PerImage(prices={"*": Nano(1)}),
    ],
)
def test_a_model_that_has_a_price_or_lacks_one_is_not_free(price: Price | None) -> None:
    assert not replace(SKETCHER, price=price).free


@pytest.mark.parametrize(
    "lacking",
    [
        {"step": 0},
        {"edge": 0},
        {"max_pixels": 0},
        {"ratio": 0.0},
        {"ratio": 0.5},
        {"min_edge": 0},
        {"min_pixels": 0},
    ],
)
def test_a_rule_of_free_sizes_needs_every_bound(lacking: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="needs bounds"):
        replace(CUSTOM, **lacking)


def test_a_rule_of_listed_sizes_needs_no_bounds() -> None:
    assert SizeRule(listed=(SQUARE,), fallback=SQUARE).step is None
