"""One service a test, on a state directory of its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagewright.app.parts import parts_of
from tests.end_to_end.browser import Browser
from tests.end_to_end.pages import ACL, House, Moved
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


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    state = tmp_path / "state"
    settings, tokens = configured(state, ACL)
    parts = parts_of(settings)
    clock = Moved(parts.world)
    moved = replace(parts, world=replace(parts.world, clock=clock))
    async with running(settings, tokens, moved) as service:
        yield House(service, clock, state)


@pytest.fixture
async def browser(house: House) -> AsyncIterator[Browser]:
    async with house.browser() as found:
        yield found
