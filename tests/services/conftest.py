from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.shop import Shop, opened


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as made:
        yield made
