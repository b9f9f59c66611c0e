"""The provider for Stable Diffusion WebUI's API against stable-diffusion.cpp's real server."""

from collections.abc import AsyncIterator

import pytest

from imagewright.adapters.providers.sd_webui import Config, SdWebui, build
from imagewright.core.size import Size
from tests.contracts.provider import made
from tests.engines.sdserver.engine import Engine
from tests.fakes.orders import Watched, order, parts

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]
SIZE = Size(64, 64)


@pytest.fixture
async def provider(sd_engine: Engine) -> AsyncIterator[SdWebui]:
    config = Config(base_url=sd_engine.base_url.removesuffix("/v1"), exclusive=True)
    provider = build(config, parts(chances=[0.25, 0.75]))
    yield provider
    await provider.close()


@pytest.mark.parametrize("upstream", ["*", "weights"])
async def test_it_generates(provider: SdWebui, upstream: str) -> None:
    delivery = await provider.generate(order(size=SIZE, upstream=upstream), Watched())
    assert made(delivery) == [("png", 64, 64, False)]


async def test_a_seed_draws_the_same_again(provider: SdWebui) -> None:
    wanted = order(size=SIZE, upstream="*", ask={"n": 2, "seed": 7}, options=(("steps", 1),))
    first = await provider.generate(wanted, Watched())
    second = await provider.generate(wanted, Watched())
    assert made(first) == [("png", 64, 64, False)] * 2
    assert [each.seed for each in first.pictures] == [7, 8]
    assert first.pictures[0].data != first.pictures[1].data
    assert [each.data for each in first.pictures] == [each.data for each in second.pictures]


async def test_without_a_seed_each_call_draws_another(provider: SdWebui) -> None:
    wanted = order(size=SIZE, upstream="*", ask={"n": 2}, per_call=1)
    delivery = await provider.generate(wanted, Watched())
    assert delivery.pictures[0].data != delivery.pictures[1].data
    assert delivery.pictures[0].seed != delivery.pictures[1].seed


@pytest.mark.parametrize("mask", [False, True])
async def test_it_edits(provider: SdWebui, mask: bool) -> None:
    asked = order(references=1, mask=mask, size=Size(128, 64), upstream="*", ask={"strength": 0.5})
    assert made(await provider.edit(asked, Watched())) == [("png", 128, 64, False)]


async def test_it_finds_the_checkpoint(provider: SdWebui) -> None:
    assert [each.upstream for each in await provider.discover()] == ["weights"]


async def test_it_answers_a_ping(provider: SdWebui) -> None:
    await provider.ping()
