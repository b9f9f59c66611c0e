from collections.abc import AsyncIterator

import pytest_asyncio

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.vips import VipsImaging


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def imaging() -> AsyncIterator[VipsImaging]:
    async with VipsImaging(ImagingConfig(workers=2)) as opened:
        yield opened
