"""Bills held against the ledger, and what they are higher by entered."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.adapters.sql.reconciliations import SqlReconciliations
from imagewright.adapters.sql.sums import SqlLedger
from imagewright.core.bill import Drift, Line, Tolerance
from imagewright.core.errors import InvalidRequest
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.revocation import Warrant
from imagewright.core.usage import By, Sum, Wanted
from imagewright.services.adjusting import Adjusted, Adjuster
from imagewright.services.reconciling import Bill, Compared, Reconciler
from tests.contracts.samples import NOON, PRICE, SECOND, Desk, verdict
from tests.fakes.clock import HandClock

DAY = date(2026, 11, 21)
NEXT = date(2026, 11, 22)
LATER = NOON + 24 * 3600 * SECOND
NONE = Tolerance()
WARRANT = Warrant(by="root", reason="the November bill", at=LATER)


@dataclass
class Office:
    """The books, and what holds bills against them."""

    desk: Desk
    ledger: SqlLedger
    kept: SqlReconciliations

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(self.ledger, self.kept, HandClock())
        self.adjuster = Adjuster(self.ledger, self.desk.books)

    async def job(self, amount: int | None = PRICE, request: str = "", **more: Any) -> Job:
        """A job that ended so, sent at noon or `now`."""
        now = more.pop("now", NOON)
        await self.desk.admit(f"fox {self.desk.random(4).hex()}", now=now)
        job = await self.desk.run(now=now)
        told = json.dumps({"request": request or None})
        if amount is not None:
            more.setdefault("images", (self.desk.image(job.id),))
        else:
            more["state"] = State.OUTCOME_UNKNOWN
        assert await self.desk.books.settle(verdict(job, amount, outcome=told, **more))
        return job

    async def compare(self, *lines: Line, **more: Any) -> Compared:
        return await self.reconciler.compare(bill(*lines, **more))

    async def adjust(self, *lines: Line, tolerance: Tolerance = NONE, **more: Any) -> Adjusted:
        given = bill(*lines, **more)
        compared = await self.reconciler.compare(given)
        return await self.adjuster.adjust(given, compared, tolerance, WARRANT)

    async def cost(self, *jobs: Job) -> list[int | None]:
        found = [await self.desk.jobs.get(each.caller.subject, each.id) for each in jobs]
        return [each.actual for each in found]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    database = Database(SqlConfig(url=f"sqlite:///{tmp_path}/books.db"))
    await database.open()
    desk = Desk(SqlBooks(database), SqlJobs(database), SqlLibrary(database))
    yield Office(desk, SqlLedger(database), SqlReconciliations(database))
    await database.close()


def bill(*lines: Line, provider: str = "painter", **more: Any) -> Bill:
    return Bill(provider=provider, lines=lines, **more)


def line(amount: int = PRICE, **more: Any) -> Line:
    values: dict[str, Any] = {"number": 2, "day": DAY, "model": "brush-1"}
    return Line(amount=Nano(amount), **{**values, **more})


class TestComparing:
    async def test_a_bill_that_is_right_has_no_drift(self, office: Office) -> None:
        await office.job()
        await office.job()
        found = await office.compare(line(), line(number=3))
        assert found.rows == (
            Drift(day=DAY, model="brush-1", billed=Nano(2 * PRICE), spent=Nano(2 * PRICE)),
        )
        assert found.whole.drift == 0
        await office.reconciler.keep(found, "root")
        assert await office.kept.last() == (found.whole,)

    async def test_each_side_alone_is_a_row(self, office: Office) -> None:
        await office.job()
        await office.job(now=LATER)
        found = await office.compare(
            line(7, model="chisel-2"), line(1, day=NEXT, model="chisel-2"), line(day=NEXT)
        )
        assert [(each.day, each.model, each.drift) for each in found.rows] == [
            (DAY, "brush-1", -PRICE),
            (DAY, "chisel-2", 7),
            (NEXT, "brush-1", 0),
            (NEXT, "chisel-2", 1),
        ]
        assert (found.whole.first, found.whole.last) == (DAY, NEXT)
        assert found.whole.drift == 8 - PRICE

    async def test_days_that_the_bill_does_not_reach_do_not_count(self, office: Office) -> None:
        await office.job(now=LATER)
        assert (await office.compare(line())).whole.spent == 0

    async def test_what_is_held_is_told_and_not_spent(self, office: Office) -> None:
        await office.job(None)
        (row,) = (await office.compare(line())).rows
        assert (row.held, row.spent, row.drift) == (PRICE, 0, PRICE)

    async def test_what_cost_nothing_is_on_no_bill(self, office: Office) -> None:
        await office.job(0, now=LATER)
        await office.job()
        found = await office.compare(line(), line(0, day=NEXT, model="other"))
        assert [each.model for each in found.rows] == ["brush-1", "other"]

    async def test_a_bill_without_models_is_compared_by_day(self, office: Office) -> None:
        await office.job()
        found = await office.compare(line(PRICE - 1, model=None), line(1, model=None))
        assert found.rows == (Drift(day=DAY, model=None, billed=PRICE, spent=PRICE),)

    async def test_names_of_the_vendor_become_ours(self, office: Office) -> None:
        await office.job()
        names = {"brush-1-upstream": "brush-1"}
        found = await office.compare(line(model="brush-1-upstream"), names=names)
        assert [each.drift for each in found.rows] == [0]

    async def test_only_models_that_are_named_count(self, office: Office) -> None:
        await office.job()
        lines = (line(7, model="chat-9"), line(9, model="chisel-2"))
        found = await office.compare(*lines, models=frozenset({"chisel-2"}))
        assert [each.model for each in found.rows] == ["chisel-2"]

    @pytest.mark.parametrize(
        ("lines", "models", "said"),
        [
            ((line(), line(number=9, model=None)), (), "Line 9 names no model."),
            ((line(model=None),), ("brush-1",), "Line 2 names no model."),
            ((line(),), ("chisel-2",), "No line of the bill counts."),
        ],
    )
    async def test_what_cannot_be_compared_is_refused(
        self, office: Office, lines: tuple[Line, ...], models: tuple[str, ...], said: str
    ) -> None:
        with pytest.raises(InvalidRequest) as fault:
            await office.compare(*lines, models=frozenset(models))
        assert (fault.value.sentence, bool(fault.value.hint)) == (said, True)


class TestAdjusting:
    async def test_what_is_higher_is_shared_by_what_each_job_cost(self, office: Office) -> None:
        cheap, dear = await office.job(PRICE // 4), await office.job(PRICE)
        done = await office.adjust(line(PRICE * 5 // 4 + 11))
        assert done == Adjusted(jobs=2, amount=Nano(11), left=())
        assert await office.cost(cheap, dear) in (
            [PRICE // 4 + 2, PRICE + 9],
            [PRICE // 4 + 3, PRICE + 8],
        )
        (found,) = (await office.compare(line(PRICE * 5 // 4 + 11))).rows
        assert found.drift == 0

    async def test_one_bill_is_entered_once(self, office: Office) -> None:
        job = await office.job()
        assert (await office.adjust(line(PRICE + 5))).jobs == 1
        assert await office.adjust(line(PRICE + 5)) == Adjusted(jobs=0, amount=Nano(0), left=())
        assert await office.cost(job) == [PRICE + 5]
        assert (await office.adjust(line(PRICE + 7))).amount == 2

    async def test_two_who_enter_one_bill_enter_it_once(self, office: Office) -> None:
        job, given = await office.job(), bill(line(PRICE + 5))
        compared = await office.reconciler.compare(given)
        first = await office.adjuster.adjust(given, compared, NONE, WARRANT)
        again = await office.adjuster.adjust(given, compared, NONE, WARRANT)
        assert (first.amount, again.amount) == (5, 0)
        assert await office.cost(job) == [PRICE + 5]

    async def test_what_was_broken_off_is_gone_on_with(self, office: Office) -> None:
        jobs = [await office.job() for _ in range(3)]
        given = bill(line(3 * PRICE + 30))
        compared = await office.reconciler.compare(given)
        adjust, count = office.desk.books.adjust, 0

        async def broken(adjustment: Any) -> bool:
            nonlocal count
            count += 1
            if count == 2:
                raise ConnectionError
            return await adjust(adjustment)

        office.desk.books.adjust = broken  # type: ignore[method-assign]  # broken off on the way
        with pytest.raises(ConnectionError):
            await office.adjuster.adjust(given, compared, NONE, WARRANT)
        office.desk.books.adjust = adjust  # type: ignore[method-assign]  # whole again
        assert (await office.adjust(line(3 * PRICE + 30))).jobs == 2
        assert await office.cost(*jobs) == [PRICE + 10] * 3

    async def test_a_line_with_a_request_is_its_jobs_alone(self, office: Office) -> None:
        mine, other = await office.job(request="req_1"), await office.job(request="req_2")
        lines = (line(PRICE + 9, request="req_1"), line(PRICE - 4, request="req_2"))
        assert await office.adjust(*lines) == Adjusted(jobs=1, amount=Nano(9), left=())
        assert await office.cost(mine, other) == [PRICE + 9, PRICE]

    async def test_a_request_that_nobody_knows_is_shared(self, office: Office) -> None:
        job = await office.job(request="req_1")
        done = await office.adjust(line(request="req_1"), line(5, request="req_9"))
        assert (done.jobs, await office.cost(job)) == (1, [PRICE + 5])

    async def test_where_all_cost_nothing_it_is_shared_evenly(self, office: Office) -> None:
        jobs = [await office.job(0), await office.job(0)]
        assert (await office.adjust(line(7, model=None))).amount == 7
        assert sorted(filter(None, await office.cost(*jobs))) == [3, 4]

    async def test_what_is_lower_or_within_the_tolerance_is_let_be(self, office: Office) -> None:
        await office.job()
        for amount in (PRICE - 100, PRICE + 100):
            done = await office.adjust(line(amount), tolerance=Tolerance(amount=Nano(100)))
            assert done == Adjusted(jobs=0, amount=Nano(0), left=())

    async def test_where_money_is_held_or_nobody_was_at_work_it_is_left(
        self, office: Office
    ) -> None:
        settled = await office.job()
        await office.job(None)
        done = await office.adjust(line(3 * PRICE), line(day=NEXT))
        assert (done.jobs, [each.day for each in done.left]) == (0, [DAY, NEXT])
        assert await office.cost(settled) == [PRICE]

    async def test_it_is_told_as_adjusted_in_the_ledger(self, office: Office) -> None:
        await office.job()
        await office.adjust(line(PRICE + 5))
        found: list[Sum] = []
        await office.ledger.sums(Wanted(by=(By.DAY,)), found.append)
        assert [(each.settled, each.adjusted, each.spent) for each in found] == [
            (PRICE, 5, PRICE + 5)
        ]
