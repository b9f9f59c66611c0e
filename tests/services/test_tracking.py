"""Orders that a vendor has taken are asked after, never asked for again, and paid for once."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.ask import Ask
from imagewright.core.errors import (
    Fault,
    OutcomeUnknown,
    StorageFull,
    Unavailable,
)
from imagewright.core.job import Job, State
from imagewright.core.spending import Usage
from imagewright.ports.provider import MAX_REQUEST, Delivery, NotYet, Order, Watch
from tests.fakes.pictures import encoded
from tests.fakes.provider import (
    Hanging,
    TrackedProvider,
    accepts,
    delivery,
    fails,
    returns,
)
from tests.services.attempts import (
    CERTAIN,
    again_later,
    aside,
    begun,
    canceled,
    done,
    resumed,
)
from tests.services.shop import BOT, ORIGIN, POOR, Shop, free, paid
from tests.services.test_workers import at_work, ended, until


async def again(shop: Shop, job: Job, **bench: Any) -> Job:
    """The job after another worker has taken it up again."""
    await shop.table.recover(shop.clock.now(), sole=True)
    resumed = await shop.claim()
    assert resumed is not None
    assert resumed.id == job.id
    return await done(shop, resumed, **bench)


async def test_a_process_that_dies_in_the_call_loses_nothing(
    shop: Shop, vendor: TrackedProvider
) -> None:
    hanging, job = Hanging(), await shop.claimed()
    vendor.act = accepts(hanging)
    task = await begun(shop.work(), job, hanging)
    assert (await shop.look(job)).request is not None
    recovered = await shop.table.recover(shop.clock.now(), sole=True)
    assert recovered.aside == (job.id,)
    job = await again(shop, job)
    assert (job.state, job.attempt) == (State.SUCCEEDED, 2)
    hanging.release.set()
    await task
    assert (len(vendor.generated), vendor.asked) == (1, ["vendor-order-1"])
    assert (await shop.money(), len(shop.blobs.originals)) == ((0, 1), 2)
    assert len(await shop.library.of_job(BOT.subject, job.id)) == 1


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("The line was cut."), TimeoutError(), RuntimeError("a mistake")]
)
async def test_a_call_that_breaks_off_is_asked_after_a_while_later(
    shop: Shop, vendor: TrackedProvider, error: Exception
) -> None:
    vendor.act = accepts(fails(error))
    job = await done(shop, await shop.claimed())
    assert (job.state, await shop.money()) == (State.RUNNING, (1, 0))
    assert await shop.claim() is None
    shop.clock.advance(60)
    found = await shop.claim()
    assert found is not None
    vendor.found = returns(usage=Usage(pictures=1))
    job = await done(shop, found)
    assert (job.state, job.actual, await shop.money()) == (State.SUCCEEDED, job.ceiling, (0, 1))
    assert vendor.calls == 1


async def test_a_call_past_its_deadline_is_asked_after(shop: Shop, vendor: TrackedProvider) -> None:
    job = await done(shop, await shop.claimed(), deadline=0.01)
    assert (job.state, await shop.money()) == (State.RUNNING, (1, 0))
    assert (await again_later(shop, job)).state is State.SUCCEEDED


async def test_what_no_vendor_took_keeps_its_unknown_end(
    shop: Shop, vendor: TrackedProvider
) -> None:
    vendor.act = fails(OutcomeUnknown("The line was cut."))
    job = await done(shop, await shop.claimed())
    assert (job.state, vendor.asked) == (State.OUTCOME_UNKNOWN, [])


async def test_a_request_of_one_who_cannot_be_asked_is_not_kept(shop: Shop) -> None:
    shop.provider.act = accepts(fails(OutcomeUnknown("The line was cut.")))
    job = await done(shop, await shop.claimed())
    assert (job.state, job.request) == (State.OUTCOME_UNKNOWN, None)


async def test_a_request_that_is_too_long_is_not_kept(
    shop: Shop, vendor: TrackedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.act = accepts(fails(OutcomeUnknown("cut")), "s" * (MAX_REQUEST + 1))
    job = await done(shop, await shop.claimed())
    assert (job.state, job.request) == (State.OUTCOME_UNKNOWN, None)
    assert "request too long" in caplog.text
    assert "sss" not in caplog.text


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a mistake of ours")])
async def test_a_request_that_could_not_be_entered_is_entered_with_the_end_of_the_call(
    shop: Shop, vendor: TrackedProvider, error: Exception
) -> None:
    shop.table.fail("track", error)
    shop.table.fail("put_aside", Unavailable("away"))
    await aside(shop)
    assert shop.table.calls["put_aside"] == 2
    found = await shop.claim()
    assert found is not None
    assert (await done(shop, found)).state is State.SUCCEEDED


async def test_what_cannot_be_put_aside_has_an_unknown_end(
    shop: Shop, vendor: TrackedProvider
) -> None:
    shop.table.fail("put_aside", RuntimeError("a mistake of ours"))
    vendor.act = accepts(fails(OutcomeUnknown("cut")))
    job = await done(shop, await shop.claimed())
    assert (job.state, await shop.money()) == (State.OUTCOME_UNKNOWN, (1, 0))


async def test_told_to_hurry_it_leaves_it_to_the_next_start(
    shop: Shop, vendor: TrackedProvider
) -> None:
    shop.table.fail("put_aside", Unavailable("away"), 99)
    vendor.act = accepts(fails(OutcomeUnknown("cut")))
    job, work = await shop.claimed(), shop.work()
    work.hurry()
    with pytest.raises(Unavailable):
        await work.carry_out(job)
    assert (await again(shop, job)).state is State.SUCCEEDED


async def test_an_attempt_that_was_taken_over_puts_nothing_aside(
    shop: Shop, vendor: TrackedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    hanging, job = Hanging(), await shop.claimed()
    vendor.act = accepts(hanging)
    work = shop.work()
    task = await begun(work, job, hanging)
    await shop.table.recover(shop.clock.now(), sole=True)
    other = await shop.claim("worker-2")
    assert other is not None
    await canceled(task)
    assert "attempt superseded" in caplog.text
    assert (await shop.look(job)).attempt == other.attempt
    assert await shop.claim("worker-3") is None


class TestLooks:
    async def test_a_vendor_that_is_at_work_is_asked_again_when_it_says(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        vendor.looks = [fails(NotYet(40.0))]
        job = await done(shop, await resumed(shop))
        assert job.state is State.RUNNING
        shop.clock.advance(39)
        assert await shop.claim() is None
        assert (await again_later(shop, job)).state is State.SUCCEEDED
        assert vendor.asked == ["vendor-order-1"] * 2

    @pytest.mark.parametrize("error", [TimeoutError(), Unavailable("away"), StorageFull("full")])
    async def test_a_look_that_fails_here_is_repeated(
        self, shop: Shop, vendor: TrackedProvider, error: Exception
    ) -> None:
        vendor.looks = [fails(error)]
        job = await done(shop, await resumed(shop))
        assert (job.state, await shop.money()) == (State.RUNNING, (1, 0))
        assert (await again_later(shop, job)).state is State.SUCCEEDED

    async def test_a_look_that_hangs_is_broken_off_and_repeated(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        vendor.looks = [Hanging()]
        job = await done(shop, await resumed(shop), deadline=0.01)
        assert (await again_later(shop, job)).state is State.SUCCEEDED

    async def test_without_room_for_pictures_none_is_fetched(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await resumed(shop)
        shop.store.fail("room", StorageFull("full"))
        assert (await done(shop, job)).state is State.RUNNING
        assert vendor.asked == []

    @pytest.mark.parametrize("fault", CERTAIN)
    async def test_a_certain_no_releases_the_hold(
        self, shop: Shop, vendor: TrackedProvider, fault: type[Fault]
    ) -> None:
        vendor.found = fails(fault("No."))
        job = await done(shop, await resumed(shop))
        assert (job.state, job.error_code) == (State.FAILED, fault.code)
        assert await shop.money() == (0, 0)

    @pytest.mark.parametrize("error", [OutcomeUnknown("Never heard of it."), RuntimeError("x")])
    async def test_where_nothing_can_be_told_its_outcome_is_unknown(
        self, shop: Shop, vendor: TrackedProvider, error: Exception
    ) -> None:
        vendor.found = fails(error)
        job = await done(shop, await resumed(shop))
        assert (job.state, await shop.money()) == (State.OUTCOME_UNKNOWN, (1, 0))
        assert await shop.claim() is None

    async def test_a_vendor_that_tells_nothing_for_a_day_is_asked_no_more(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        vendor.found = fails(NotYet(40.0))
        job = await done(shop, await resumed(shop))
        shop.clock.advance(23 * 3600)
        found = await shop.claim()
        assert found is not None
        assert (await done(shop, found)).state is State.RUNNING
        shop.clock.advance(3600)
        found = await shop.claim()
        assert found is not None
        assert (await done(shop, found)).state is State.OUTCOME_UNKNOWN
        assert (await shop.money(), job.id) == ((1, 0), found.id)

    async def test_what_a_vendor_cannot_be_asked_after_keeps_its_share(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        async def half(order: Order, watch: Watch) -> Delivery:
            told = delivery(encoded(), usage=Usage(pictures=1))
            return replace(told, failures={1: OutcomeUnknown("Never told.")})

        vendor.found = half
        job = await done(shop, await resumed(shop, paid(n=2)))
        assert (job.state, await shop.money()) == (State.SUCCEEDED, (0, 2))

    @pytest.mark.parametrize("ask", [paid(), free()])
    async def test_a_provider_that_is_gone_cannot_be_asked(
        self, shop: Shop, vendor: TrackedProvider, ask: Ask
    ) -> None:
        job = await resumed(shop, ask)
        job = await done(shop, job, providers={})
        assert job.state is (State.FAILED if ask == free() else State.OUTCOME_UNKNOWN)

    async def test_what_was_revoked_meanwhile_is_collected_all_the_same(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await resumed(shop)
        shop.credentials.fault = Unavailable("The identity provider is away.")
        assert (await done(shop, job)).state is State.SUCCEEDED


class TestFree:
    async def test_it_is_fetched_and_not_drawn_again(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await done(shop, await resumed(shop, free()))
        assert (job.state, vendor.calls) == (State.SUCCEEDED, 1)

    @pytest.mark.parametrize("error", [OutcomeUnknown("Never heard of it."), RuntimeError("x")])
    async def test_what_is_lost_is_drawn_again(
        self, shop: Shop, vendor: TrackedProvider, error: Exception
    ) -> None:
        vendor.found = fails(error)
        job = await resumed(shop, free())
        vendor.act = returns()
        job = await done(shop, job)
        assert (job.state, vendor.calls, job.request) == (State.SUCCEEDED, 2, None)

    async def test_cancelled_it_ends(self, shop: Shop, vendor: TrackedProvider) -> None:
        job = await aside(shop, free())
        await shop.jobs.cancel(BOT, job.id, ORIGIN)
        found = await shop.claim()
        assert found is not None
        assert (await done(shop, found)).state is State.CANCELED
        assert vendor.asked == []

    async def test_cancelled_in_the_call_it_ends(self, shop: Shop, vendor: TrackedProvider) -> None:
        hanging, job, work = Hanging(), await shop.claimed(free(), POOR), shop.work()
        vendor.act = accepts(hanging)
        task = await begun(work, job, hanging)
        assert work.unwanted(job.id)
        await canceled(task)
        assert (await shop.look(job)).state is State.CANCELED


class TestWithWorkers:
    async def test_a_stop_leaves_it_to_the_next_start(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        hanging = Hanging()
        vendor.act = accepts(hanging)
        job = await shop.admitted()
        workers = shop.workers()
        await workers.start()
        await hanging.begun.wait()
        await workers.stop(0.01)
        assert ((await shop.look(job)).state, await shop.money()) == (State.RUNNING, (1, 0))
        async with at_work(shop):
            assert (await ended(shop, job)).state is State.SUCCEEDED
        assert (vendor.calls, await shop.money()) == (1, (0, 1))

    async def test_cancelled_by_its_subject_what_was_paid_for_is_kept(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        hanging, slow = Hanging(), Hanging()
        vendor.act, vendor.found = accepts(hanging), slow
        job = await shop.admitted()
        async with at_work(shop):
            await hanging.begun.wait()
            await shop.jobs.cancel(BOT, job.id, ORIGIN)
            await slow.begun.wait()
            await asyncio.sleep(0.05)
            slow.release.set()
            assert (await ended(shop, job)).state is State.SUCCEEDED
        assert (hanging.broken_off, slow.broken_off) == (1, 0)
        assert (vendor.calls, await shop.money()) == (1, (0, 1))

    async def test_a_lost_one_is_told_of_and_taken_up_at_the_start(
        self, shop: Shop, vendor: TrackedProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        lost = await shop.claimed()
        await shop.table.start(lost, "worker-1", shop.clock.now())
        await shop.table.track(lost, '["painter", "brush", "vendor-order-7"]')
        async with at_work(shop):
            assert (await ended(shop, lost)).state is State.SUCCEEDED
        assert (vendor.calls, vendor.asked) == (0, ["vendor-order-7"])
        assert "jobs recovered" in caplog.text
        assert "vendor-order" not in caplog.text

    async def test_a_slot_is_free_while_a_vendor_is_at_work(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        vendor.script = [accepts(fails(NotYet(30.0)))] * 3
        vendor.script = [accepts(fails(OutcomeUnknown("cut")))] * 3
        vendor.act = returns()
        jobs = [await shop.admitted(paid(f"fox {number}")) for number in range(4)]
        async with at_work(shop, slots=1, running=1):
            assert (await ended(shop, jobs[3])).state is State.SUCCEEDED

            async def tried() -> bool:
                return vendor.calls == 4

            await until(tried)
        assert [(await shop.look(each)).state for each in jobs[:3]] == [State.RUNNING] * 3
        assert await shop.money() == (3, 1)
