"""One service a test, on a state directory of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.service import Mode, Service, configured, running


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both eras of the protocol."""
    era: Mode = request.param
    return era


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """The cast, the placeholder provider, writing enabled."""
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as found:
        yield found
