from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.provider import Hanging, TrackedProvider, accepts
from tests.services.shop import Shop, opened


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as made:
        yield made


@pytest.fixture
def vendor(shop: Shop) -> TrackedProvider:
    """The shop's provider: its vendor can be asked after its orders."""
    provider = TrackedProvider(act=accepts(Hanging()))
    shop.provider = provider
    return provider
