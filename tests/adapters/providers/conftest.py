"""A vendor that the tests of one module share, and the provider that speaks to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.providers.openai import OpenAIImages, build
from tests.adapters.providers.openai_setup import configured
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.orders import Time, parts


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeOpenAI) -> FakeOpenAI:
    running.forget()
    return running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def openai(vendor: FakeOpenAI, time: Time) -> AsyncIterator[OpenAIImages]:
    provider = build(configured(vendor, total_timeout=200.0), parts(time))
    yield provider
    await provider.close()
