"""Black Forest Labs' models: what they are sent, and what they cost at most."""

from datetime import date
from typing import Any

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.core.ask import Action, Ask, Reference
from imagewright.core.catalogue import Catalogue, PerImage, PerToken
from imagewright.core.money import Nano
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.pricing import actual, ceiling
from imagewright.core.resolve import Choosing, resolve
from imagewright.core.size import Size
from imagewright.core.spending import Usage

OFFER = read_offer("bfl", "bfl")
MEGAPIXEL = 1024 * 1024


def planned(**ask: Any) -> Plan:
    choosing = Choosing(allowed=lambda *_: True, today=date(2026, 11, 21))
    return resolve(Ask(prompt="a cat", **ask), Catalogue(offers=(OFFER,)), choosing)


def held(**ask: Any) -> int:
    plan = planned(**ask)
    model = OFFER.model(plan.model)
    assert model is not None
    return ceiling(plan, model).amount


def reference(edge: int = 512) -> Reference:
    return Reference(
        image="i", sha256="0" * 64, size=Size(edge, edge), format=Format.PNG, alpha=False
    )


@pytest.mark.parametrize(
    ("model", "cents"),
    [
        ("flux-2-pro", (3.0, 4.5, 7.5)),
        ("flux-2-max", (7.002, 10.002, 16.002)),
        ("flux-2-flex", (6.0, 12.0, 24.0)),
        ("flux-2-klein-9b", (1.5, 1.7, 2.1)),
        ("flux-2-klein-4b", (1.4, 1.5, 1.7)),
    ],
)
def test_the_first_megapixel_and_those_after_it(model: str, cents: tuple[float, ...]) -> None:
    sizes = ("1024x1024", "1440x1440", "2048x2048")
    found = [held(model=model, size=size) for size in sizes]
    assert found == [round(each * 10_000_000) for each in cents]


def test_every_size_of_flux_2_is_counted_by_its_megapixels() -> None:
    for model in OFFER.models:
        if isinstance(model.price, PerToken):
            first = model.price.table["high/1024x1024"]
            for size in model.sizes.listed:
                more = -(-size.pixels // MEGAPIXEL) - 1
                assert model.price.table[f"high/{size}"] == first + more * 1000, (model.id, size)
                assert size.width % 16 == size.height % 16 == 0


@pytest.mark.parametrize(
    ("model", "cents"),
    [
        ("flux-kontext-pro", 4),
        ("flux-kontext-max", 8),
        ("flux-pro-1.1", 4),
        ("flux-pro-1.1-ultra", 6),
        ("flux-pro-1.0-fill", 5),
    ],
)
def test_flux_1_has_one_price(model: str, cents: int) -> None:
    found = OFFER.model(model)
    assert found is not None
    assert found.price == PerImage(prices={"*": Nano(cents * 10_000_000)})


def test_input_images_are_held_for_and_what_is_told_is_entered() -> None:
    plan = planned(action=Action.EDIT, references=(reference(), reference()))
    assert (plan.provider, plan.model, plan.size) == ("bfl", "flux-2-pro", Size(1024, 1024))
    model = OFFER.model(plan.model)
    assert model is not None
    found = ceiling(plan, model)
    assert (found.amount, found.estimate) == (270_000_000, True)
    assert actual(Usage(pictures=1, cost=Nano(60_000_000)), plan, model) == 60_000_000
    assert actual(Usage(pictures=1), plan, model) is None


def test_a_mask_finds_the_model_that_takes_one_and_keeps_the_size() -> None:
    plan = planned(action=Action.EDIT, references=(reference(777),), mask=reference(777))
    assert (plan.model, plan.size) == ("flux-pro-1.0-fill", None)
    assert dict(plan.options) == {"image": "image"}


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        ({"model": "flux-kontext-pro", "aspect_ratio": "16:9"}, "16:9/1K"),
        ({"model": "flux-pro-1.1-ultra", "aspect_ratio": "21:9"}, "21:9/2K"),
        ({"model": "flux-pro-1.1-ultra"}, "1:1/2K"),
        ({"model": "flux-2-pro", "aspect_ratio": "16:9"}, None),
        ({"model": "flux-pro-1.1", "aspect_ratio": "16:9"}, None),
    ],
)
def test_models_that_take_a_ratio_are_sent_one(ask: dict[str, Any], name: str | None) -> None:
    assert planned(**ask).size_name == name
