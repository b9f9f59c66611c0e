import asyncio
from collections.abc import Mapping

import pytest

from imagewright.core.errors import Unavailable
from imagewright.ports.uses import Use
from imagewright.services.uses import UseLog
from tests.contracts.samples import NOON, SECOND
from tests.fakes.clock import HandClock
from tests.fakes.uses import MemoryUses

ONE, TWO = Use("tok_a", "tok_1"), Use("tok_b", "tok_2")


async def test_a_token_is_written_once_a_minute_whatever_its_use() -> None:
    uses, clock = MemoryUses(), HandClock()
    log = UseLog(uses, clock)
    for _ in range(130):
        for _ in range(50):
            log.note(ONE)
        log.note(TWO)
        await log.flush()
        clock.advance(1)
    assert [dict(each) for each in uses.writes] == [
        {ONE: NOON + minute * 60 * SECOND, TWO: NOON + minute * 60 * SECOND} for minute in range(3)
    ]


async def test_nothing_is_written_where_nothing_was_used() -> None:
    uses = MemoryUses()
    await UseLog(uses, HandClock()).flush()
    assert uses.writes == []


async def test_what_could_not_be_written_is_kept_and_nobody_waits() -> None:
    uses, clock = MemoryUses(), HandClock()
    log = UseLog(uses, clock)
    uses.away = True
    log.note(ONE)
    with pytest.raises(Unavailable):
        await log.flush()
    clock.advance(90)
    log.note(ONE)
    log.note(TWO)
    with pytest.raises(Unavailable):
        await log.flush()
    uses.away = False
    await log.flush()
    await log.flush()
    later = NOON + 90 * SECOND
    assert uses.writes == [{ONE: later, TWO: later}]


async def test_a_clock_that_is_set_back_stops_no_note() -> None:
    uses, clock = MemoryUses(), HandClock()
    log = UseLog(uses, clock)
    log.note(ONE)
    await log.flush()
    clock.advance(-3600)
    log.note(ONE)
    await log.flush()
    assert len(uses.writes) == 2


class SlowUses(MemoryUses):
    """Fails, after a while."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.end = asyncio.Event(), asyncio.Event()

    async def record(self, uses: Mapping[Use, int]) -> None:
        self.begun.set()
        await self.end.wait()
        await super().record(uses)


async def test_a_use_during_a_write_that_fails_keeps_the_later_time() -> None:
    uses, clock = SlowUses(), HandClock()
    log = UseLog(uses, clock)
    log.note(ONE)
    writing = asyncio.create_task(log.flush())
    await uses.begun.wait()
    clock.advance(61)
    log.note(ONE)
    uses.away = True
    uses.end.set()
    with pytest.raises(Unavailable):
        await writing
    uses.away = False
    await log.flush()
    assert uses.writes == [{ONE: NOON + 61 * SECOND}]
