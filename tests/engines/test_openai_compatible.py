"""The provider for compatible servers against a real diffusion server."""

from collections.abc import AsyncIterator

import pytest
import pyvips

from imagewright.adapters.providers.openai_compatible import CompatibleImages, Config, build
from imagewright.core.errors import ProviderRejected
from imagewright.core.picture import Format
from imagewright.core.size import Size
from imagewright.ports.provider import Found, Made, Order
from tests.contracts.provider import made
from tests.engines.sdserver.engine import Engine
from tests.fakes.orders import Watched, order, parts

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]
SIZE = Size(64, 64)


def pixels(made: Made) -> bytes:
    """What a picture shows; the engine writes its settings into the file beside it."""
    data: bytes = pyvips.Image.new_from_buffer(made.data, "").write_to_memory()
    return data


@pytest.fixture
async def provider(sd_engine: Engine) -> AsyncIterator[CompatibleImages]:
    config = Config(base_url=sd_engine.base_url, concurrency=1, dialect="sd-server")
    provider = build(config, parts())
    yield provider
    await provider.close()


@pytest.mark.parametrize("form", [Format.PNG, Format.JPEG, Format.WEBP])
async def test_it_generates(provider: CompatibleImages, form: Format) -> None:
    delivery = await provider.generate(order(size=SIZE, form=form), Watched())
    assert made(delivery) == [(form.value, 64, 64, False)]


async def test_it_generates_two(provider: CompatibleImages) -> None:
    delivery = await provider.generate(order(size=SIZE, ask={"n": 2}), Watched())
    assert made(delivery) == [("png", 64, 64, False)] * 2
    assert delivery.pictures[0].data != delivery.pictures[1].data


async def test_a_seed_is_the_picture(provider: CompatibleImages) -> None:
    def asked(seed: int | None) -> Order:
        return order(size=SIZE, ask={"seed": seed}, negative_prompt="dogs")

    first = await provider.generate(asked(7), Watched())
    again = await provider.generate(asked(7), Watched())
    other = await provider.generate(asked(8), Watched())
    pair = await provider.generate(
        order(size=SIZE, ask={"seed": 7, "n": 2}, negative_prompt="dogs"), Watched()
    )
    assert first.pictures == again.pictures
    assert first.pictures[0].seed == 7
    assert first.pictures[0].data != other.pictures[0].data
    assert [pixels(each) for each in pair.pictures] == [
        pixels(first.pictures[0]),
        pixels(other.pictures[0]),
    ]


async def test_without_a_seed_no_two_pictures_are_the_same(sd_engine: Engine) -> None:
    config = Config(base_url=sd_engine.base_url, concurrency=1, dialect="sd-server")
    provider = build(config, parts(chances=[0.1, 0.2]))
    first, second = [await provider.generate(order(size=SIZE), Watched()) for _ in range(2)]
    assert first.pictures[0].data != second.pictures[0].data
    await provider.close()


async def test_it_has_one_model(provider: CompatibleImages) -> None:
    assert await provider.discover() == (Found(upstream="sd-cpp-local", like="sd"),)


@pytest.mark.parametrize("mask", [False, True])
async def test_it_edits(provider: CompatibleImages, mask: bool) -> None:
    asked = order(references=1, mask=mask, size=Size(128, 64), ask={"n": 2})
    delivery = await provider.edit(asked, Watched())
    assert made(delivery) == [("png", 128, 64, False)] * 2


async def test_it_edits_from_several_images(provider: CompatibleImages) -> None:
    delivery = await provider.edit(order(references=3, size=SIZE), Watched())
    assert made(delivery) == [("png", 64, 64, False)]


async def test_its_refusal_is_ours(provider: CompatibleImages) -> None:
    with pytest.raises(ProviderRejected):
        await provider.generate(order(size=SIZE, form=Format.GIF), Watched())


async def test_it_answers_a_ping(provider: CompatibleImages) -> None:
    await provider.ping()
