"""One service a test, on a state directory of its own."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagewright.app.parts import parts_of
from tests.end_to_end.browser import Browser
from tests.end_to_end.pages import ACL, House, Moved
from tests.end_to_end.program import free_port
from tests.end_to_end.proxies import Stage, staged
from tests.end_to_end.service import Mode, Service, configured, running
from tests.identity.people import People
from tests.identity.provider import signing_key


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


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def people(port: int) -> Iterator[People]:
    """A provider that knows the service at that port as its one client."""
    redirect = f"http://127.0.0.1:{port}/authorize/callback"
    keys = [signing_key("only")]
    with People(keys=keys, redirect=redirect, groups={"bob": ["painters"]}) as found:
        yield found


@pytest.fixture
async def stage(tmp_path: Path, people: People, port: int) -> AsyncIterator[Stage]:
    """The service in front of that provider, with a program that has registered."""
    async with staged(tmp_path / "state", people, port) as found:
        yield found
