"""What every `TokenUses` promises."""

import asyncio

from imagewright.ports.uses import TokenUses, Use
from tests.contracts.samples import NOON, SECOND

NEW, OLD = Use("tok_a", "tok_new"), Use("tok_a", "tok_old")
OTHER = Use("tok_b", "tok_new")


class UsesContract:
    async def test_nothing_is_known_at_first(self, uses: TokenUses) -> None:
        assert await uses.latest() == {}
        await uses.record({})
        assert await uses.latest() == {}

    async def test_each_token_of_an_entry_has_its_time(self, uses: TokenUses) -> None:
        times = {NEW: NOON, OLD: NOON - SECOND, OTHER: NOON + SECOND}
        await uses.record(times)
        assert await uses.latest() == times

    async def test_the_later_time_stays_whoever_comes_last(self, uses: TokenUses) -> None:
        await uses.record({NEW: NOON, OTHER: NOON})
        await uses.record({NEW: NOON - SECOND, OTHER: NOON + SECOND})
        assert await uses.latest() == {NEW: NOON, OTHER: NOON + SECOND}

    async def test_writers_at_once_leave_the_latest(self, uses: TokenUses) -> None:
        both = [{NEW: NOON + n, OLD: NOON - n} for n in range(20)]
        await asyncio.gather(*(uses.record(each) for each in both))
        assert await uses.latest() == {NEW: NOON + 19, OLD: NOON}
