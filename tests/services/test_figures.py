"""What is told of figures in the database, how often, and what stops it from nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.docket import SqlDocket
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.adapters.sql.reconciliations import SqlReconciliations
from imagewright.core.errors import Unavailable
from imagewright.core.notice import Event
from imagewright.ports.docket import Docket
from imagewright.services.alarm import Alarm
from imagewright.services.figures import Figures
from imagewright.services.resolving import ResolvingService, Say
from tests.contracts.docket import lost
from tests.contracts.reconciliations import FOUND
from tests.contracts.samples import NOON, SECOND, Desk
from tests.fakes.clock import HandClock
from tests.fakes.interposed import Interposed
from tests.fakes.notices import Kept
from tests.fakes.outside import Counted

SAY = Say(by="root", note="their usage page says so")


@dataclass
class House:
    """A database with a service that looks at it."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    telemetry: Counted = field(default_factory=Counted)
    notices: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        database = self.database
        self.desk = Desk(SqlBooks(database), SqlJobs(database), SqlLibrary(database))
        self.docket = Interposed(SqlDocket(database))
        docket = cast("Docket", self.docket)
        self.kept = SqlReconciliations(database)
        alarm = Alarm(self.telemetry, self.notices, self.clock)
        self.figures = Figures(docket, self.kept, self.telemetry, self.clock, alarm)
        self.resolving = ResolvingService(docket, self.clock)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database(SqlConfig(url=f"sqlite:///{tmp_path}/books.db"))
    await database.open()
    yield House(database)
    await database.close()


def alarms(caplog: pytest.LogCaptureFixture, event: str = "outcomes unknown") -> list[Any]:
    return [vars(each) for each in caplog.records if each.message == event]


async def test_where_all_is_known_nothing_is_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.figures.turn()
    assert (house.telemetry.unknowns, house.telemetry.drifts) == ({}, {})
    assert alarms(caplog) == []


async def test_unknown_outcomes_are_counted_until_none_is_left(house: House) -> None:
    job = await lost(house.desk)
    await house.figures.turn()
    assert house.telemetry.unknowns == {"painter": 1}
    await house.resolving.resolve(job.id, None, SAY)
    await house.figures.turn()
    assert house.telemetry.unknowns == {"painter": 0}


async def test_they_are_told_at_once_and_every_hour_with_the_oldest(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await lost(house.desk, "first", at=NOON - 90 * SECOND)
    await lost(house.desk, "later", at=NOON)
    told = []
    for seconds in (0, 60, 3539, 1):
        house.clock.advance(seconds)
        await house.figures.turn()
        told.append([(each["count"], each["oldest_seconds"]) for each in alarms(caplog)])
    assert told == [[(2, 90)]] * 3 + [[(2, 90), (2, 3690)]]
    notices = [(each.event, dict(each.facts)) for each in house.notices.sent]
    assert notices == [
        (Event.OUTCOME_UNKNOWN, {"count": 2, "oldest_seconds": seconds}) for seconds in (90, 3690)
    ]


async def test_a_clock_that_went_back_makes_no_age_below_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await lost(house.desk, at=NOON + 90 * SECOND)
    await house.figures.turn()
    assert [each["oldest_seconds"] for each in alarms(caplog)] == [0]


async def test_the_last_reconciliation_is_told(house: House) -> None:
    await house.kept.enter(FOUND, "root")
    await house.figures.turn()
    assert house.telemetry.drifts == {"painter": (-2, NOON)}


@pytest.mark.parametrize(
    ("fault", "code"), [(Unavailable("away"), "unavailable"), (KeyError("a"), "internal")]
)
async def test_what_fails_is_told_once_and_tried_again(
    house: House, caplog: pytest.LogCaptureFixture, fault: Exception, code: str
) -> None:
    await lost(house.desk)
    house.docket.fail("backlog", fault, times=2)
    for _ in range(2):
        await house.figures.turn()
    assert [each["code"] for each in alarms(caplog, "figures not read")] == [code]
    assert house.telemetry.unknowns == {}
    await house.figures.turn()
    assert house.telemetry.unknowns == {"painter": 1}


async def test_it_looks_at_once_and_until_it_is_cancelled(house: House) -> None:
    await lost(house.desk)
    task = asyncio.create_task(house.figures.run())
    async with asyncio.timeout(5):
        while not house.telemetry.unknowns:  # noqa: ASYNC110 - nothing tells of a turn
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_docket_is_read_and_asked_in_the_operators_name(house: House) -> None:
    job = await lost(house.desk, request="7")
    assert await house.resolving.list(state=None, subject=None, limit=9) == (job,)
    asked = await house.resolving.ask(job.id, SAY)
    assert asked.state.value == "running"
