"""OpenRouter's models: those of the data file, and those that it lists."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.providers.openrouter import Config, OpenRouter, build
from imagewright.adapters.wire.openrouter_models import nano, read_model_price, read_models
from imagewright.core.catalogue import Lifecycle, PerImage
from imagewright.core.errors import (
    ProviderBadAnswer,
)
from imagewright.core.money import Nano
from imagewright.core.pricing import actual, ceiling
from imagewright.core.secret import Secret
from imagewright.core.size import Size
from imagewright.core.spending import Usage
from imagewright.ports.provider import Found
from tests.fakes.openrouter import (
    KEY,
    MODEL,
    FakeOpenRouter,
)
from tests.fakes.orders import Time, order, parts
from tests.fakes.vendor import Reply, html

OFFER = read_offer("openrouter", "openrouter")


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenRouter]:
    with FakeOpenRouter() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeOpenRouter) -> FakeOpenRouter:
    running.forget()
    return running


def configured(vendor: FakeOpenRouter, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


@pytest.fixture
async def router(vendor: FakeOpenRouter) -> AsyncIterator[OpenRouter]:
    provider = build(configured(vendor), parts(Time()))
    yield provider
    await provider.close()


async def test_models_are_found_with_the_dearest_price_a_picture(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    like = "grok-imagine-image-2.0"
    assert await router.discover() == (
        Found(
            upstream="x-ai/grok-imagine-image-2.0",
            title="X-Ai/Grok-Imagine-Image-2.0",
            like=like,
            price=PerImage(prices={"*": Nano(60_000_000)}),
        ),
        Found(upstream=MODEL, title="Google/Gemini-Nano-Banana-2.1", like=like),
        Found(upstream="black-forest-labs/flux-3-image", title="Black-Forest-Labs/Flux-3-Image"),
        Found(upstream="meta/muse-image", title="Meta/Muse-Image", like=like),
    )
    assert OFFER.model(like) is not None
    assert vendor.calls("/api/v1/images/models/") == 3


def endpoints(*lines: object) -> bytes:
    return json.dumps({"data": {"id": "a/b", "endpoints": [{"pricing": list(lines)}]}}).encode()


PICTURE = {"billable": "output_image", "unit": "image", "cost_usd": 0.04}


@pytest.mark.parametrize(
    ("body", "price"),
    [
        (endpoints(PICTURE), Nano(40_000_000)),
        (endpoints(PICTURE, {**PICTURE, "cost_usd": 0.09, "variant": "4K"}), Nano(90_000_000)),
        (endpoints(PICTURE, {**PICTURE, "unit": "megapixel"}), None),
        (endpoints(PICTURE, {**PICTURE, "billable": "input_reference"}), None),
        (endpoints(PICTURE, {**PICTURE, "cost_usd": "much"}), None),
        (endpoints(7), None),
        (endpoints(), None),
        (b'{"endpoints":[{"pricing":7}]}', None),
        (b'{"endpoints":[7]}', None),
        (b"[]", None),
        (b"no json", None),
        (b"[" * 100_000, None),
    ],
)
def test_a_price_a_picture_covers_every_endpoint_or_is_none(
    body: bytes, price: Nano | None
) -> None:
    found = read_model_price(body)
    assert found == (None if price is None else PerImage(prices={"*": price}))


@pytest.mark.parametrize(
    "parameters", [None, 7, {}, {"aspect_ratio": 7}, {"aspect_ratio": {"values": 7}}]
)
def test_a_list_of_models_is_read_tolerantly(parameters: object) -> None:
    good = {"id": "a/b", "name": 7, "supported_parameters": parameters}
    listed = [7, {"id": 7}, {"id": "a"}, {"id": "a/../b"}, good]
    assert read_models(json.dumps({"data": listed}).encode()) == [Found(upstream="a/b")]
    assert read_models(b'{"data":7}') is None
    assert nano(1000) is None


@pytest.mark.parametrize("answer", [html(200), Reply(body=b'{"data":7}')])
async def test_a_list_that_is_none_is_told(answer: Reply) -> None:
    class Broken(FakeOpenRouter):
        async def _models(self, request: Any) -> Any:
            await self.note(request)
            return self.sent(answer, answer.body or b"")

    with Broken() as vendor:
        provider = build(configured(vendor), parts())
        with pytest.raises(ProviderBadAnswer):
            await provider.discover()
        await provider.close()


def test_ceilings_are_the_vendors_prices() -> None:
    grok, banana = OFFER.model("grok-imagine-image-2.0"), OFFER.model("gemini-nano-banana-2.1")
    assert grok is not None
    assert banana is not None
    plan = order(size=Size(1280, 720)).plan
    assert ceiling(plan, grok).amount == 60_000_000
    assert actual(Usage(pictures=1, cost=Nano(5)), plan, grok) == 5
    assert ceiling(order(size=Size(1024, 1024)).plan, banana).amount > 33_600_000


def test_every_current_model_can_be_chosen_by_its_profile() -> None:
    assert all(each.profile for each in OFFER.models if each.lifecycle is Lifecycle.CURRENT)
