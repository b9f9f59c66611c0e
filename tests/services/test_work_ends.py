"""The ways out of an attempt: begun or not, broken off, settled; always once."""

import asyncio
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagewright.core.ask import Ask
from imagewright.core.errors import (
    Fault,
    StorageFull,
    Unavailable,
)
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.spending import Usage
from imagewright.ports.books import Balance
from imagewright.ports.provider import Delivery, Order, Watch
from imagewright.services.work import Work
from tests.contracts.samples import SECOND
from tests.fakes.pictures import encoded
from tests.fakes.provider import Act, Hanging, delivery, fails, returns, sends_partials
from tests.services.attempts import CERTAIN, UNCERTAIN, begun, canceled, done
from tests.services.shop import (
    BOT,
    ORIGIN,
    POOR,
    Shop,
    free,
    paid,
)


class TestStarting:
    async def test_a_job_asked_to_stop_is_not_started(self, shop: Shop) -> None:
        job = await shop.claimed()
        await shop.jobs.cancel(BOT, job.id, ORIGIN)
        assert (await done(shop, job)).state is State.CANCELED
        assert (shop.provider.calls, await shop.money()) == (0, (0, 0))

    async def test_a_job_that_another_worker_has_taken_is_left_to_it(self, shop: Shop) -> None:
        job = await shop.claimed()
        await shop.table.recover(shop.clock.now(), sole=True)
        assert await shop.claim("worker-2") is not None
        assert (await done(shop, job)).state is State.RUNNING
        assert (shop.provider.calls, shop.telemetry.jobs) == (0, [])

    async def test_a_start_that_cannot_be_entered_ends_it_unspent(self, shop: Shop) -> None:
        shop.table.fail("start", Unavailable("The database is away."))
        job = await done(shop, await shop.claimed())
        assert (job.state, job.error_code) == (State.FAILED, "unavailable")
        assert (shop.provider.calls, await shop.money()) == (0, (0, 0))

    async def test_stopped_before_the_start_it_is_left_to_be_queued_again(self, shop: Shop) -> None:
        job = await shop.claimed()
        await canceled(await self.held(shop, shop.store, job, "room"))
        assert (await shop.look(job)).state is State.RUNNING
        recovered = await shop.table.recover(shop.clock.now(), sole=True)
        assert recovered.requeued == (job.id,)

    @pytest.mark.parametrize("when", ["before", "after"])
    async def test_stopped_in_the_start_it_ends_unspent(self, shop: Shop, when: str) -> None:
        job = await shop.claimed()
        await canceled(await self.held(shop, shop.table, job, "start", when))
        job = await shop.look(job)
        assert (job.state, job.error_code) == (State.FAILED, "unavailable")
        assert (shop.provider.calls, await shop.money()) == (0, (0, 0))

    async def test_cancelled_in_the_start_it_ends_unspent(self, shop: Shop) -> None:
        job, work = await shop.claimed(), shop.work()
        task = await self.held(shop, shop.table, job, "start", work=work)
        work.unwanted(job.id)
        await canceled(task)
        assert (await shop.look(job)).state is State.CANCELED
        assert await shop.money() == (0, 0)

    async def held(
        self,
        shop: Shop,
        port: Any,
        job: Job,
        name: str,
        when: str = "after",
        work: Work | None = None,
    ) -> asyncio.Task[None]:
        """The attempt, hanging at a call of a port."""
        reached, never = asyncio.Event(), asyncio.Event()

        async def hang() -> None:
            reached.set()
            await never.wait()

        getattr(port, when)[name] = hang
        task = asyncio.create_task((work or shop.work()).carry_out(job))
        await reached.wait()
        return task


class TestBrokenOff:
    @pytest.mark.parametrize("wanted", [True, False])
    async def test_a_paid_call_broken_off_keeps_its_hold(self, shop: Shop, wanted: bool) -> None:
        hanging, job, work = Hanging(), await shop.claimed(), shop.work()
        shop.provider.act = hanging
        task = await begun(work, job, hanging)
        if not wanted:
            work.unwanted(job.id)
        await canceled(task)
        assert (await shop.look(job)).state is State.OUTCOME_UNKNOWN
        assert await shop.money() == (1, 0)

    async def test_a_free_call_that_is_unwanted_is_cancelled(self, shop: Shop) -> None:
        hanging, job, work = Hanging(), await shop.claimed(free(), POOR), shop.work()
        shop.provider.act = hanging
        task = await begun(work, job, hanging)
        work.unwanted(job.id)
        await canceled(task)
        assert (await shop.look(job)).state is State.CANCELED

    async def test_a_free_call_broken_off_by_a_stop_is_made_again(self, shop: Shop) -> None:
        hanging, job = Hanging(), await shop.claimed(free(), POOR)
        shop.provider.act = hanging
        await canceled(await begun(shop.work(), job, hanging))
        recovered = await shop.table.recover(shop.clock.now(), sole=True)
        assert recovered.requeued == (job.id,)

    async def test_what_was_made_is_kept_and_settled_though_it_is_broken_off(
        self, shop: Shop
    ) -> None:
        reached, go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            reached.set()
            await go.wait()

        shop.store.before["put"] = hold
        job = await shop.claimed()
        task = asyncio.create_task(shop.work().carry_out(job))
        await reached.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await shop.look(job)).state is State.SUCCEEDED
        assert len(await shop.library.of_job(BOT.subject, job.id)) == 1
        assert await shop.money() == (0, 1)


class TestSettling:
    async def test_nothing_is_remembered_of_an_attempt_that_ended(self, shop: Shop) -> None:
        job, work = await shop.claimed(), shop.work()

        async def note() -> None:
            work.unwanted(job.id)

        shop.books.before["settle"] = note
        await work.carry_out(job)
        assert [each for each in vars(work).values() if isinstance(each, set) and each] == []

    @pytest.mark.parametrize("fault", [Unavailable, StorageFull])
    async def test_a_settlement_is_tried_until_it_is_entered(
        self, shop: Shop, fault: type[Fault]
    ) -> None:
        shop.books.fail("settle", fault("Not now."))
        job = await done(shop, await shop.claimed())
        assert job.state is State.SUCCEEDED
        assert shop.books.calls["settle"] == 2

    async def test_told_to_hurry_it_tries_once_more_and_leaves_it_to_the_next_start(
        self, shop: Shop
    ) -> None:
        shop.books.fail("settle", Unavailable("The database is away."), 99)
        tried = asyncio.Event()

        async def note() -> None:
            tried.set()

        shop.books.before["settle"] = note
        job, work = await shop.claimed(), shop.work()
        task = asyncio.create_task(work.carry_out(job))
        await tried.wait()
        work.hurry()
        with pytest.raises(Unavailable):
            await task
        assert shop.books.calls["settle"] == 2
        recovered = await shop.table.recover(shop.clock.now(), sole=True)
        assert recovered.unknown == (job.id,)

    async def test_an_end_that_cannot_be_entered_becomes_an_unknown_one(self, shop: Shop) -> None:
        shop.books.fail("settle", RuntimeError("a mistake of ours"))
        job = await done(shop, await shop.claimed())
        assert job.state is State.OUTCOME_UNKNOWN
        assert await shop.money() == (1, 0)

    async def test_a_job_taken_for_lost_meanwhile_is_not_settled_twice(self, shop: Shop) -> None:
        hanging, job = Hanging(), await shop.claimed()
        shop.provider.act = hanging
        task = await begun(shop.work(), job, hanging)
        await shop.table.recover(shop.clock.now(), sole=True)
        hanging.release.set()
        await task
        assert (await shop.look(job)).state is State.OUTCOME_UNKNOWN
        assert (await shop.money(), shop.telemetry.jobs) == ((1, 0), [])


async def slowly(order: Order, watch: Watch) -> Delivery:
    for step in range(3):
        await asyncio.sleep(0.001)
        await watch.stage("step", step, 3)
    return delivery(encoded(), usage=Usage(pictures=1))


ACTS: list[Act] = [
    returns(),
    returns(usage=Usage(cost=Nano(7))),
    returns(b"nothing"),
    slowly,
    sends_partials(encoded(), b"broken"),
    *(fails(fault("x")) for fault in (*CERTAIN, *UNCERTAIN)),
    fails(RuntimeError()),
]
VARIATIONS = count()
PORTS = st.lists(
    st.tuples(
        st.sampled_from(["books.settle", "table.start", "table.report", "store.put", "store.room"]),
        st.sampled_from([Unavailable("x"), RuntimeError("x")]),
    ),
    max_size=2,
)


@given(
    act=st.sampled_from(ACTS),
    faults=PORTS,
    ask=st.sampled_from([paid(), free(), paid(n=2)]),
    pause=st.one_of(st.none(), st.integers(0, 12)),
    unwanted=st.booleans(),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_for_every_way_out_there_is_one_settlement(
    shop: Shop,
    act: Act,
    faults: list[tuple[str, Exception]],
    ask: Ask,
    pause: int | None,
    unwanted: bool,
) -> None:
    """Cancelled after `pause` steps, or never; the money is entered once, or left to recovery."""
    before, calls = await shop.balance(), shop.provider.calls
    job = await shop.claimed(replace(ask, variation=str(next(VARIATIONS))))
    shop.provider.act = act
    for where, fault in faults:
        port, _, call = where.partition(".")
        getattr(shop, port).fail(call, fault)
    work = shop.work()
    task = asyncio.create_task(work.carry_out(job))
    if pause is not None:
        for _ in range(pause):
            await asyncio.sleep(0.0005)
        if unwanted:
            work.unwanted(job.id)
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for each in (shop.books, shop.table, shop.store):
        each.mend()
    spent = await agreed(shop, job, before)
    assert shop.provider.calls - calls <= 1
    assert shop.provider.calls > calls or not spent
    await shop.jobs.cancel(BOT, job.id, ORIGIN)


async def agreed(shop: Shop, job: Job, before: Balance) -> int:
    """What was settled; the job has ended once, or recovery ends it, and all accounts agree."""
    found = await shop.look(job)
    if found.state is State.RUNNING:
        await shop.table.recover(shop.clock.now() + 60 * SECOND, sole=True)
        found = await shop.look(job)
        assert found.state in {State.QUEUED, State.OUTCOME_UNKNOWN}
    balance = await shop.balance()
    waits = found.state in {State.QUEUED, State.OUTCOME_UNKNOWN}
    assert balance.held - before.held == (job.ceiling if waits else 0)
    assert balance.settled - before.settled == (found.actual or 0)
    assert (found.actual is None) == waits
    images = await shop.library.of_job(BOT.subject, job.id)
    assert bool(images) == (found.state is State.SUCCEEDED)
    return balance.settled - before.settled
