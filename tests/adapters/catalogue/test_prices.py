"""The prices of the OpenAI models against published ones."""

import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.core.ask import Quality
from imagewright.core.catalogue import PerToken
from imagewright.core.money import DOLLAR, FREE
from imagewright.core.picture import Format
from imagewright.core.pricing import ceiling, formula_tokens
from imagewright.core.size import Size
from tests.fakes.orders import order

OFFER = read_offer("openai", "openai")
ROWS = Path(__file__).parents[2] / "data" / "gpt_image_prices.csv"


def rows() -> list[dict[str, str]]:
    lines = [line for line in ROWS.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def output_price(model: str, quality: str, size: str) -> Decimal:
    found = OFFER.model(model)
    assert found is not None
    assert isinstance(found.price, PerToken)
    tokens = formula_tokens(found.price.base[Quality(quality)], Size.parse(size))
    return Decimal(tokens * found.price.image_out) / DOLLAR


def test_there_are_156_rows() -> None:
    assert len(rows()) == 156


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row["row"]))
def test_the_formula_gives_the_published_price(row: dict[str, str]) -> None:
    ours, published = output_price(row["model"], row["quality"], row["size"]), Decimal(row["usd"])
    if row["model"] == "gpt-image-2":
        # These are rounded to a cent or half of one.
        assert Decimal("-0.0011") < ours - published <= Decimal("0.0006")
    else:
        assert ours == published


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-2", "medium", "1024x1024", 1756),
        ("gpt-image-2.5-flare", "max", "3840x2160", 13342),
        ("gpt-image-2.5-sunburst", "low", "1024x1536", 158),
        ("gpt-image-2.6-flare", "low", "1024x1024", 4 * 196),
        ("gpt-image-2.6-sunburst", "medium", "1536x1024", 4 * 343),
        ("gpt-image-2.6-sunburst", "high", "1536x1024", 1372),
        ("gpt-image-1.5", "high", "1024x1536", 6240),
        ("gpt-image-1-mini", "low", "1536x1024", 400),
    ],
)
def test_the_ceiling_counts_tokens_of_picture_partial_and_reference(
    model: str, quality: str, size: str, tokens: int
) -> None:
    found = OFFER.model(model)
    assert found is not None
    assert isinstance(found.price, PerToken)
    # Words are counted elsewhere.
    price = replace(found.price, text_in=FREE)
    asked = order(
        size=Size.parse(size),
        form=Format.PNG,
        quality=Quality(quality),
        references=1,
        mask=True,
        ask={"n": 2, "partial_images": 3},
    )
    each = (tokens + 300) * price.image_out + 2 * 8192 * price.image_in
    assert ceiling(asked.plan, replace(found, price=price)).amount == 2 * each


def test_a_bound_by_a_factor_is_an_estimate() -> None:
    asked = order(size=Size(1024, 1024), quality=Quality.LOW).plan
    newer, older = OFFER.model("gpt-image-2.6-flare"), OFFER.model("gpt-image-2.5-flare")
    assert newer is not None
    assert older is not None
    assert ceiling(asked, newer).estimate
    assert not ceiling(asked, older).estimate
