"""Workers: within bounds, leases kept, stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from imagewright.core.errors import Unavailable
from imagewright.core.job import Job, State
from imagewright.services.work import Work
from imagewright.services.workers import Workers
from tests.contracts.samples import SECOND
from tests.fakes.provider import Hanging, fails
from tests.services.shop import BOT, ORIGIN, POOR, Shop, free, paid


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is so; the test's time limit is the end of it."""
    while not await true():  # noqa: ASYNC110 - the table rings no bell
        await asyncio.sleep(0.002)


async def ended(shop: Shop, job: Job) -> Job:
    async def over() -> bool:
        return (await shop.look(job)).state.ended

    await until(over)
    return await shop.look(job)


@asynccontextmanager
async def at_work(shop: Shop, work: Work | None = None, **rules: Any) -> AsyncIterator[Workers]:
    workers = shop.workers(work, **rules)
    await workers.start()
    try:
        yield workers
    finally:
        await workers.stop(1)


async def test_jobs_are_carried_out_as_they_come(shop: Shop) -> None:
    waiting = await shop.admitted()
    async with at_work(shop, poll=30):
        assert (await ended(shop, waiting)).state is State.SUCCEEDED
        assert (await ended(shop, await shop.admitted(paid("a dog")))).state is State.SUCCEEDED


async def test_no_more_run_at_once_than_there_are_slots_or_a_subject_may(shop: Shop) -> None:
    hanging = Hanging()
    shop.provider.act = hanging
    jobs = [await shop.admitted(paid(f"fox {number}")) for number in range(3)]
    jobs += [await shop.admitted(free(f"fox {number}"), POOR) for number in range(3)]
    async with at_work(shop, slots=3, running=2) as workers:

        async def busy() -> bool:
            return shop.provider.calls == 3

        await until(busy)
        await asyncio.sleep(0.05)
        assert workers.running == shop.provider.calls == 3
        per_subject = [order.plan.model for order in shop.provider.generated]
        assert sorted(per_subject) in (["brush", "brush", "sketch"], ["brush", "sketch", "sketch"])
        hanging.release.set()
        for job in jobs:
            assert (await ended(shop, job)).state is State.SUCCEEDED
    assert workers.running == 0


async def test_a_subject_alone_runs_no_more_than_it_may(shop: Shop) -> None:
    hanging = Hanging()
    shop.provider.act = hanging
    for number in range(3):
        await shop.admitted(paid(f"fox {number}"))
    async with at_work(shop, slots=3, running=1):
        await hanging.begun.wait()
        await asyncio.sleep(0.05)
        assert shop.provider.calls == 1
        hanging.release.set()


async def test_a_running_job_is_broken_off_once_its_subject_cancels_it(shop: Shop) -> None:
    hanging = Hanging()
    shop.provider.act = hanging
    job = await shop.admitted(free(), POOR)
    async with at_work(shop):
        await hanging.begun.wait()
        await shop.jobs.cancel(POOR, job.id, ORIGIN)
        assert (await ended(shop, job)).state is State.CANCELED
        assert hanging.broken_off == 1


async def test_a_job_is_told_once_to_break_off(shop: Shop) -> None:
    """A provider that takes its time to clean up is not interrupted at every heartbeat."""
    cleaned = asyncio.Event()
    begun = asyncio.Event()

    async def careful(order: object, watch: object) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            cleaned.set()

    shop.provider.act = careful
    job = await shop.admitted(free(), POOR)
    async with at_work(shop):
        await begun.wait()
        await shop.jobs.cancel(POOR, job.id, ORIGIN)
        assert (await ended(shop, job)).state is State.CANCELED
    assert cleaned.is_set()


class TestStop:
    async def test_running_jobs_are_awaited_and_no_more_are_claimed(self, shop: Shop) -> None:
        hanging = Hanging()
        shop.provider.act = hanging
        first = await shop.admitted()
        workers = shop.workers(slots=1)
        await workers.start()
        await hanging.begun.wait()
        second = await shop.admitted(paid("a dog"))
        stopping = asyncio.create_task(workers.stop(30))
        await asyncio.sleep(0.02)
        hanging.release.set()
        await stopping
        assert (await shop.look(first)).state is State.SUCCEEDED
        assert (await shop.look(second)).state is State.QUEUED

    async def test_after_the_drain_what_runs_is_broken_off_and_entered(self, shop: Shop) -> None:
        hanging = Hanging()
        shop.provider.act = hanging
        job = await shop.admitted()
        workers = shop.workers()
        await workers.start()
        await hanging.begun.wait()
        await workers.stop(0.01)
        assert (await shop.look(job)).state is State.OUTCOME_UNKNOWN
        assert await shop.money() == (1, 0)
        assert workers.running == 0

    async def test_a_second_stop_ends_the_first_ones_patience(self, shop: Shop) -> None:
        hanging = Hanging()
        shop.provider.act = hanging
        job = await shop.admitted()
        workers = shop.workers()
        await workers.start()
        await hanging.begun.wait()
        patient = asyncio.create_task(workers.stop(100))
        await asyncio.sleep(0.01)
        await workers.stop(0)
        await patient
        assert (await shop.look(job)).state is State.OUTCOME_UNKNOWN

    async def test_a_claim_under_way_is_awaited_and_not_followed_by_another(
        self, shop: Shop
    ) -> None:
        reached, go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            reached.set()
            await go.wait()

        shop.table.before["claim"] = hold
        workers = shop.workers(slots=1)
        await workers.start()
        await reached.wait()
        stopping = asyncio.create_task(workers.stop(5))
        await asyncio.sleep(0.01)
        go.set()
        await stopping
        assert shop.table.calls["claim"] == 1

    async def test_a_database_that_is_away_does_not_hold_up_a_stop(self, shop: Shop) -> None:
        tried = asyncio.Event()

        async def note() -> None:
            tried.set()

        shop.books.before["settle"] = note
        shop.books.fail("settle", Unavailable("The database is away."), 99)
        job = await shop.admitted()
        workers = shop.workers()
        await workers.start()
        await tried.wait()
        await asyncio.wait_for(workers.stop(0.01), 3)
        assert (await shop.look(job)).state is State.RUNNING
        assert len(shop.blobs.originals) == 1

    async def test_idle_workers_stop_at_once(self, shop: Shop) -> None:
        workers = shop.workers(poll=100)
        await workers.start()
        await asyncio.sleep(0.02)
        await asyncio.wait_for(workers.stop(100), 10)

    async def test_workers_that_never_began_can_be_stopped(self, shop: Shop) -> None:
        await shop.workers().stop(1)


class TestTrouble:
    @pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a mistake of ours")])
    @pytest.mark.parametrize("call", ["claim", "renew", "recover"])
    async def test_no_failure_of_the_database_ends_a_worker(
        self, shop: Shop, call: str, error: Exception
    ) -> None:
        shop.table.fail(call, error, 2)
        hanging = Hanging()
        shop.provider.act = hanging
        job = await shop.admitted(free(), POOR)

        async def time_passes() -> None:
            shop.clock.advance(31)

        shop.table.after["renew"] = time_passes
        async with at_work(shop, slots=1, lease=30):
            await hanging.begun.wait()

            async def tried() -> bool:
                return shop.table.calls[call] > 3

            await until(tried) if call != "claim" else None
            await shop.jobs.cancel(POOR, job.id, ORIGIN)
            assert (await ended(shop, job)).state is State.CANCELED

    async def test_a_job_that_could_not_be_settled_is_told_of(
        self, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        shop.books.fail("settle", RuntimeError("a mistake of ours"), 2)
        await shop.admitted()
        async with at_work(shop):

            async def told() -> bool:
                return "job not settled" in caplog.text

            await until(told)


class TestLeases:
    async def test_at_the_start_lost_jobs_are_put_right(
        self, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        lost = await shop.claimed()
        await shop.table.start(lost, "worker-1", shop.clock.now())
        waiting = await shop.claimed(paid("a dog"))
        async with at_work(shop):
            assert (await ended(shop, waiting)).state is State.SUCCEEDED
        assert (await shop.look(lost)).state is State.OUTCOME_UNKNOWN
        assert "jobs recovered" in caplog.text

    async def test_beside_other_processes_only_ended_leases_are_put_right(self, shop: Shop) -> None:
        theirs = await shop.claimed()
        async with at_work(shop, sole=False, lease=30):
            await asyncio.sleep(0.03)
            assert (await shop.look(theirs)).state is State.RUNNING
            shop.clock.advance(31)
            assert (await ended(shop, theirs)).state is State.SUCCEEDED

    async def test_a_long_pause_does_not_lose_what_runs_here(self, shop: Shop) -> None:
        """After a suspend, or without a database, leases are renewed before jobs are recovered."""
        hanging = Hanging()
        shop.provider.act = hanging
        job = await shop.admitted()
        async with at_work(shop, lease=30):
            await hanging.begun.wait()
            for _ in range(3):
                shop.clock.advance(31)
                await asyncio.sleep(0.03)
            hanging.release.set()
            assert (await ended(shop, job)).state is State.SUCCEEDED
        assert await shop.money(BOT) == (0, 1)

    async def test_nothing_is_recovered_while_leases_cannot_be_renewed(self, shop: Shop) -> None:
        hanging = Hanging()
        shop.provider.act = hanging
        job = await shop.admitted()
        async with at_work(shop, lease=30):
            await hanging.begun.wait()
            shop.table.fail("renew", Unavailable("The database is away."), 5)
            shop.clock.advance(31)

            async def back() -> bool:
                return shop.table.calls["renew"] > 6

            await until(back)
            hanging.release.set()
            assert (await ended(shop, job)).state is State.SUCCEEDED

    async def test_a_lease_is_kept_while_its_job_runs(self, shop: Shop) -> None:
        hanging = Hanging()
        shop.provider.act = hanging
        job = await shop.admitted()
        async with at_work(shop, lease=30):
            await hanging.begun.wait()
            for _ in range(4):
                shop.clock.advance(10)
                await asyncio.sleep(0.03)
            recovered = await shop.table.recover(shop.clock.now() + 15 * SECOND, sole=False)
            assert recovered.unknown == ()
            hanging.release.set()
            await ended(shop, job)


async def test_a_failing_provider_does_not_end_a_worker(shop: Shop) -> None:
    shop.provider.script = [fails(RuntimeError())]
    first, second = await shop.admitted(), await shop.admitted(paid("a dog"))
    async with at_work(shop, slots=1):
        assert (await ended(shop, first)).state is State.OUTCOME_UNKNOWN
        assert (await ended(shop, second)).state is State.SUCCEEDED
