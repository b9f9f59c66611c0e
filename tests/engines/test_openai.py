"""The OpenAI provider against a real diffusion server."""

from collections.abc import AsyncIterator

import pytest

from imagewright.adapters.providers.openai import Config, OpenAIImages, build
from imagewright.core.errors import ProviderRejected
from imagewright.core.picture import Format
from imagewright.core.size import Size
from tests.contracts.provider import made
from tests.engines.sdserver.engine import Engine
from tests.fakes.orders import Watched, order, parts

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]
SIZE = Size(64, 64)


@pytest.fixture
async def provider(sd_engine: Engine) -> AsyncIterator[OpenAIImages]:
    config = Config(base_url=sd_engine.base_url, concurrency=1, charges=False)
    provider = build(config, parts())
    yield provider
    await provider.close()


@pytest.mark.parametrize("form", [Format.PNG, Format.JPEG, Format.WEBP])
async def test_it_generates(provider: OpenAIImages, form: Format) -> None:
    delivery = await provider.generate(order(size=SIZE, form=form), Watched())
    assert made(delivery) == [(form.value, 64, 64, False)]


async def test_it_generates_two(provider: OpenAIImages) -> None:
    delivery = await provider.generate(order(size=SIZE, ask={"n": 2}), Watched())
    assert made(delivery) == [("png", 64, 64, False)] * 2
    assert delivery.pictures[0].data != delivery.pictures[1].data


@pytest.mark.parametrize("mask", [False, True])
async def test_it_edits(provider: OpenAIImages, mask: bool) -> None:
    asked = order(references=1, mask=mask, size=Size(128, 64), ask={"n": 2})
    delivery = await provider.edit(asked, Watched())
    assert made(delivery) == [("png", 128, 64, False)] * 2


async def test_it_edits_from_several_images(provider: OpenAIImages) -> None:
    delivery = await provider.edit(order(references=3, size=SIZE), Watched())
    assert made(delivery) == [("png", 64, 64, False)]


async def test_its_refusal_is_ours(provider: OpenAIImages) -> None:
    with pytest.raises(ProviderRejected):
        await provider.generate(order(size=SIZE, prompt=""), Watched())


async def test_it_answers_a_ping(provider: OpenAIImages) -> None:
    await provider.ping()
