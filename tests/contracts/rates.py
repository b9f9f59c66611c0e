"""What every `Rates` promises. A suite gives the fixture `rates`; the spans are real seconds."""

import asyncio

import pytest

from imagewright.core.limit import Pace
from imagewright.ports.rates import Rates

THREE = Pace(count=3, seconds=60)
QUICK = Pace(count=3, seconds=1)
GIB = 1024**3


class RatesContract:
    async def test_so_many_are_let_in_and_the_next_is_told_when(self, rates: Rates) -> None:
        assert [await rates.take("a", THREE) for _ in range(3)] == [0, 0, 0]
        after = await rates.take("a", THREE)
        # The first of them fades as soon as the span is over.
        assert 60 <= after <= 61
        assert await rates.take("b", THREE) == 0

    async def test_what_finds_no_room_counts_nothing(self, rates: Rates) -> None:
        await rates.take("a", THREE, 2)
        for _ in range(5):
            assert await rates.take("a", THREE, 2) > 0
        assert (await rates.look("a", 60)).counted == 2
        assert await rates.take("a", THREE) == 0

    async def test_a_cost_above_the_most_never_has_room(self, rates: Rates) -> None:
        assert await rates.take("a", THREE, 4) == 60
        assert (await rates.look("a", 60)).counted == 0

    async def test_looking_counts_nothing(self, rates: Rates) -> None:
        assert (await rates.look("never", 60)).after(1, 1) == 0
        await rates.take("a", THREE)
        for _ in range(3):
            assert (await rates.look("a", 60)).counted == 1

    async def test_spans_count_apart_and_a_changed_most_goes_on(self, rates: Rates) -> None:
        hour = Pace(count=1, seconds=3600)
        assert [await rates.take("a", THREE) for _ in range(2)] == [0, 0]
        assert await rates.take("a", hour) == 0
        assert await rates.take("a", hour) > 0
        assert await rates.take("a", Pace(count=2, seconds=60)) > 0
        assert await rates.take("a", Pace(count=4, seconds=60)) == 0

    async def test_bytes_are_counted_by_the_gigabyte(self, rates: Rates) -> None:
        daily = Pace(count=5 * GIB, seconds=86_400)
        assert await rates.take("a", daily, 4 * GIB) == 0
        assert await rates.take("a", daily, GIB + 1) > 0
        assert await rates.take("a", daily, GIB) == 0

    async def test_of_many_at_once_no_more_are_let_in(self, rates: Rates) -> None:
        took = await asyncio.gather(*(rates.take("a", THREE) for _ in range(40)))
        assert took.count(0) == 3

    @pytest.mark.slow
    async def test_whoever_waits_as_told_is_let_in(self, rates: Rates) -> None:
        for _ in range(3):
            assert await rates.take("a", QUICK) == 0
        after = await rates.take("a", QUICK)
        assert 1 <= after <= 2
        await asyncio.sleep(after)
        assert await rates.take("a", QUICK) == 0

    @pytest.mark.slow
    async def test_a_span_that_is_long_over_is_forgotten(self, rates: Rates) -> None:
        for _ in range(3):
            await rates.take("a", QUICK)
        await asyncio.sleep(2.2)
        assert (await rates.look("a", 1)).counted == 0
        assert [await rates.take("a", QUICK) for _ in range(3)] == [0, 0, 0]

    async def test_it_is_there(self, rates: Rates) -> None:
        await rates.ping()
