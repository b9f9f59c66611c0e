"""The sealer's turns: what it seals, what it tells, and what stops it from neither."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.core.chain import MOST
from imagewright.core.errors import Unavailable
from imagewright.ports.audit import Audit
from imagewright.services.sealer import Sealer
from tests.contracts.audit import KEY, note, verified
from tests.fakes.clock import HandClock
from tests.fakes.interposed import Interposed


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[Interposed]:
    database = Database(SqlConfig(url=f"sqlite:///{tmp_path}/books.db"))
    await database.open()
    yield Interposed(SqlAudit(database, KEY))
    await database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sealer(audit: Interposed, clock: HandClock) -> Sealer:
    return Sealer(cast("Audit", audit), clock)


def heads(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(each)["head"] for each in caplog.records if each.message == "audit sealed"]


async def test_a_turn_seals_all_that_is_open(audit: Interposed, sealer: Sealer) -> None:
    await audit.enter(tuple(note(place) for place in range(2 * MOST + 1)))
    await sealer.turn()
    found = await verified(cast("Audit", audit))
    assert (found.seals, found.lines, found.waiting) == (3, 2 * MOST + 1, 0)


async def test_the_head_is_told_when_it_moved_and_once_a_second(
    audit: Interposed, sealer: Sealer, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await sealer.turn()
    assert heads(caplog) == []
    for _ in range(3):
        await audit.enter((note(),))
        await sealer.turn()
        clock.advance(0.4)
    first, _, third = await audit.seals(0, 9)
    assert heads(caplog) == [first.head]
    await sealer.turn()
    await sealer.turn()
    assert heads(caplog) == [first.head, third.head]
    await audit.enter((note(),))
    await sealer.turn(last=True)
    assert len(heads(caplog)) == 3


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The codes of the failures that were logged."""
    return [vars(each)["code"] for each in caplog.records if each.levelno == logging.ERROR]


async def test_a_failure_is_told_once_until_it_is_mended(
    audit: Interposed, sealer: Sealer, caplog: pytest.LogCaptureFixture
) -> None:
    await audit.enter((note(),))
    audit.fail("seal", Unavailable("The database is away."), 2)
    audit.fail("seal", KeyError("ours"))
    for _ in range(3):
        await sealer.turn()
    assert told(caplog) == ["unavailable"]
    await sealer.turn()
    assert (await verified(cast("Audit", audit))).waiting == 0
    audit.fail("seal", KeyError("ours"))
    await sealer.turn()
    assert told(caplog) == ["unavailable", "internal"]


async def test_it_runs_until_it_is_stopped(audit: Interposed, sealer: Sealer) -> None:
    await audit.enter((note(),))
    running = asyncio.create_task(sealer.run())
    while not await audit.seals(0, 1):  # noqa: ASYNC110 - the table is no event
        await asyncio.sleep(0.01)
    running.cancel()
    assert isinstance(
        (await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError
    )
