"""The contract in memory, and how little of it is kept."""

import pytest

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.rates.memory import MemoryRates
from imagewright.core.limit import Pace
from tests.contracts.rates import RatesContract
from tests.fakes.clock import HandClock

MINUTE = Pace(count=3, seconds=60)


@pytest.fixture
def rates() -> MemoryRates:
    return MemoryRates(SystemClock())


class TestRates(RatesContract):
    pass


async def test_what_was_counted_fades_through_the_next_span() -> None:
    clock = HandClock()
    rates = MemoryRates(clock)
    assert [await rates.take("a", MINUTE) for _ in range(4)] == [0, 0, 0, 61]
    clock.advance(60)
    assert await rates.take("a", MINUTE) == 1
    clock.advance(1)
    assert await rates.take("a", MINUTE) == 0
    assert (await rates.look("a", 60)).counted == 3
    assert await rates.take("a", MINUTE) == 20
    clock.advance(20)
    assert await rates.take("a", MINUTE) == 0
    clock.advance(60)
    assert (await rates.look("a", 60)).current == 0
    clock.advance(120)
    assert (await rates.look("a", 60)).counted == 0


async def test_keys_that_count_no_more_make_room_and_else_the_oldest() -> None:
    clock = HandClock()
    rates = MemoryRates(clock, most=20)
    for n in range(20):
        await rates.take(f"old {n}", MINUTE)
    clock.advance(121)
    await rates.take("new", MINUTE)
    assert len(rates._counts) == 1  # noqa: SLF001 - what is kept
    for n in range(40):
        await rates.take(f"more {n}", MINUTE)
    assert len(rates._counts) <= 20  # noqa: SLF001 - likewise
    assert (await rates.look("more 39", 60)).counted == 1
    assert (await rates.look("new", 60)).counted == 0
