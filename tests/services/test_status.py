"""What the service says of itself."""

import asyncio

import pytest

from imagewright.core.errors import Unavailable
from imagewright.services import status
from imagewright.services.intake import Intake
from imagewright.services.status import About, StatusService
from tests.fakes.clock import HandClock


class Part:
    """A part that answers, fails or hangs."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.hangs = False

    async def ping(self) -> None:
        self.asked += 1
        await asyncio.sleep(10 if self.hangs else 0)
        if self.error is not None:
            raise self.error


class Watched:
    """A status of two parts."""

    def __init__(self) -> None:
        self.clock, self.intake = HandClock(), Intake()
        self.books, self.blobs = Part(), Part()
        about = About(name="imagewright", version="1", limits={})
        parts = {"books": self.books.ping, "blobs": self.blobs.ping}
        self.status = StatusService(about, parts, self.intake, self.clock)


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_it_is_ready_when_every_part_answers(watched: Watched) -> None:
    assert await watched.status.ready()
    assert await watched.status.parts() == {"books": True, "blobs": True}


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a mistake of ours")])
async def test_a_part_that_fails_is_named_and_comes_back(
    watched: Watched, error: Exception
) -> None:
    watched.blobs.error = error
    assert not await watched.status.ready()
    assert await watched.status.parts() == {"books": True, "blobs": False}
    watched.blobs.error = None
    watched.clock.advance(1)
    assert await watched.status.ready()


@pytest.mark.slow
async def test_a_part_that_hangs_is_not_waited_for(watched: Watched) -> None:
    watched.books.hangs = True
    async with asyncio.timeout(6):
        assert await watched.status.parts() == {"books": False, "blobs": True}


async def test_parts_are_asked_once_a_second_by_however_many(watched: Watched) -> None:
    answers = await asyncio.gather(*(watched.status.ready() for _ in range(50)))
    assert answers == [True] * 50
    assert watched.books.asked == 1
    watched.clock.advance(0.9)
    await watched.status.ready()
    assert watched.books.asked == 1
    watched.clock.advance(0.1)
    await asyncio.gather(*(watched.status.ready() for _ in range(50)))
    assert watched.books.asked == 2


async def test_one_that_stops_asking_does_not_stop_the_others(watched: Watched) -> None:
    impatient = asyncio.create_task(watched.status.ready())
    patient = asyncio.create_task(watched.status.ready())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient


async def test_while_it_is_being_stopped_it_is_not_ready_and_asks_nobody(
    watched: Watched,
) -> None:
    watched.intake.close()
    assert watched.status.draining
    assert not await watched.status.ready()
    assert watched.books.asked == 0


async def test_what_is_told_cannot_be_changed_by_who_is_told(watched: Watched) -> None:
    dict(await watched.status.parts()).clear()
    assert len(await watched.status.parts()) == 2
    assert status.About(name="x", version="1", limits={}).confinement() == {}
