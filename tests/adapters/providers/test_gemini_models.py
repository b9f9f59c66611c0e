"""Gemini's models: sizes, prices and profiles."""

from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.providers.gemini import Gemini, build
from imagewright.core.ask import RATIOS, Ask
from imagewright.core.catalogue import Lifecycle, PerToken
from imagewright.core.pricing import actual, ceiling
from imagewright.core.sizing import choose_size, size_name
from tests.adapters.providers.gemini_setup import configured, gemini_order
from tests.fakes.gemini import (
    FakeGemini,
)
from tests.fakes.orders import PROMPT, Time, Watched, parts

OFFER = read_offer("gemini", "gemini")


@pytest.fixture(scope="module")
def running() -> Iterator[FakeGemini]:
    with FakeGemini() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeGemini) -> FakeGemini:
    running.forget()
    return running


@pytest.fixture
async def gemini(vendor: FakeGemini) -> AsyncIterator[Gemini]:
    provider = build(configured(vendor), parts(Time()))
    yield provider
    await provider.close()


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_default_model_makes_every_ratio_in_its_sizes(ratio: str) -> None:
    model = OFFER.models[0]
    for tier in ("1K", "2K", "4K"):
        size = choose_size(Ask(prompt="a cat", size=tier, aspect_ratio=ratio), model)
        assert size_name(model.sizes, size, ratio) == f"{ratio}/{tier}"


@pytest.mark.parametrize(
    ("model", "name", "picture", "words"),
    [
        ("gemini-nano-banana-2.1", "1:1/1K", 33_600_000, 61_440_000),
        ("gemini-3-pro-image", "16:9/2K", 134_400_000, 98_304_000),
        ("gemini-3-pro-image", "16:9/4K", 240_000_000, 98_304_000),
        ("gemini-3.1-flash-image", "1:8/512", 44_820_000, 24_576_000),
        ("gemini-3.1-flash-lite-image", "3:2/1K", 33_600_000, 6_144_000),
        ("gemini-2.5-flash-image", "3:2/1K", 38_700_000, 10_240_000),
    ],
)
def test_a_ceiling_is_the_published_price_and_the_words_beside_it(
    model: str, name: str, picture: int, words: int
) -> None:
    found = OFFER.model(model)
    assert found is not None
    assert isinstance(found.price, PerToken)
    plan = gemini_order(size=found.sizes.named[name], references=1).plan
    text = (len(PROMPT) + 64) * found.price.text_in + 4096 * found.price.image_in
    assert ceiling(plan, found).amount == picture + words + text
    assert ceiling(plan, found).estimate


async def test_what_is_reported_can_be_priced(gemini: Gemini) -> None:
    model = OFFER.models[0]
    asked = gemini_order(references=1)
    delivery = await gemini.edit(asked, Watched())
    assert delivery.usage is not None
    assert actual(delivery.usage, asked.plan, model) == 1120 * 30_000 + 173 * 7_500 + 1130 * 1_500


def test_every_current_model_can_be_chosen_by_its_profile() -> None:
    current = [each for each in OFFER.models if each.lifecycle is Lifecycle.CURRENT]
    assert all(each.profile and each.watermark and each.price for each in current)
