"""Jobs asked after, waited for, cancelled."""

import asyncio

import pytest

from imagewright.adapters.queue.board import InProcessBoard
from imagewright.core.errors import NotFound
from imagewright.core.job import Job, State
from imagewright.ports.board import News
from tests.fakes.provider import Hanging
from tests.services.shop import BOT, OLGA, ORIGIN, Shop, paid


class Listener:
    """Remembers news; each takes a while by the shop's clock."""

    def __init__(self, shop: Shop, seconds: float = 0.0) -> None:
        self._shop = shop
        self._seconds = seconds
        self.news: list[News] = []
        self.heard = asyncio.Event()

    async def __call__(self, news: News) -> None:
        self.news.append(news)
        self.heard.set()
        self._shop.clock.advance(self._seconds)

    @property
    def stages(self) -> list[str]:
        return [each.stage for each in self.news]


async def test_a_subject_sees_its_own_jobs_newest_first(shop: Shop) -> None:
    first = await shop.admitted()
    shop.clock.advance(1)
    second = await shop.admitted(paid("a dog"))
    listed = await shop.jobs.list(BOT.subject, open_only=False, limit=9, before=None)
    assert [job.id for job in listed] == [second.id, first.id]
    after = await shop.jobs.list(BOT.subject, open_only=True, limit=9, before=second.id)
    assert [job.id for job in after] == [first.id]


async def test_a_stranger_sees_and_cancels_nothing(shop: Shop) -> None:
    job = await shop.admitted()
    with pytest.raises(NotFound):
        await shop.jobs.get(OLGA.subject, job.id)
    with pytest.raises(NotFound):
        await shop.jobs.cancel(OLGA, job.id, ORIGIN)
    with pytest.raises(NotFound):
        await shop.jobs.wait(OLGA.subject, job.id, 9, Listener(shop))
    assert await shop.jobs.list(OLGA.subject, open_only=False, limit=9, before=None) == ()
    assert (await shop.look(job)).state is State.QUEUED


async def test_a_queued_job_is_cancelled_at_once_and_its_hold_released(shop: Shop) -> None:
    job = await shop.admitted()
    assert (await shop.jobs.cancel(BOT, job.id, ORIGIN)).state is State.CANCELED
    assert await shop.money() == (0, 0)


async def test_a_running_job_is_asked_to_stop(shop: Shop) -> None:
    job = await shop.claimed()
    found = await shop.jobs.cancel(BOT, job.id, ORIGIN)
    assert (found.state, found.cancel) == (State.RUNNING, True)


async def test_an_ended_job_is_left(shop: Shop) -> None:
    job = await shop.claimed()
    await shop.work().carry_out(job)
    assert (await shop.jobs.cancel(BOT, job.id, ORIGIN)).state is State.SUCCEEDED


class TestWaiting:
    async def test_an_ended_job_is_not_waited_for(self, shop: Shop) -> None:
        job = await shop.claimed()
        await shop.work().carry_out(job)
        listener = Listener(shop)
        assert (await self.waited(shop, job, 99, listener)).state is State.SUCCEEDED
        assert listener.news == []

    async def test_without_time_it_is_told_as_it_stands(self, shop: Shop) -> None:
        job = await shop.admitted()
        assert (await self.waited(shop, job, 0, Listener(shop))).state is State.QUEUED

    async def test_it_ends_with_the_job(self, shop: Shop) -> None:
        hanging = Hanging()
        shop.provider.act = hanging
        listener = Listener(shop)
        job = await shop.claimed()
        waiting = asyncio.create_task(self.waited(shop, job, 99, listener))
        working = asyncio.create_task(shop.work().carry_out(job))
        await hanging.begun.wait()
        await listener.heard.wait()
        hanging.release.set()
        assert (await waiting).state is State.SUCCEEDED
        assert listener.stages[0] == "claimed"
        assert "succeeded" not in listener.stages
        await working

    async def test_a_job_that_ends_between_the_look_and_the_watch_is_seen(self, shop: Shop) -> None:
        job = await shop.claimed()

        async def meanwhile() -> None:
            shop.table.after.clear()
            await shop.work().carry_out(job)

        shop.table.after["get"] = meanwhile
        assert (await self.waited(shop, job, 99, Listener(shop))).state is State.SUCCEEDED

    async def test_it_is_told_as_it_stands_when_the_time_is_up(self, shop: Shop) -> None:
        job = await shop.admitted()
        listener = Listener(shop, seconds=1)
        assert (await self.waited(shop, job, 1.1, listener)).state is State.QUEUED
        assert listener.stages == ["queued"] * 2

    async def test_news_is_told_again_while_there_is_no_other(self, shop: Shop) -> None:
        job = await shop.claimed()
        listener = Listener(shop, seconds=0.5)
        waiting = asyncio.create_task(self.waited(shop, job, 2.2, listener))
        await listener.heard.wait()
        for done in range(3):
            shop.board.post(job.id, News(stage="drawing", done=done, total=2))
        assert (await waiting).state is State.RUNNING
        assert listener.stages == ["claimed", "drawing", "drawing", "drawing", "drawing"]

    async def test_waiting_reads_the_table_no_more_than_once_a_second(self, shop: Shop) -> None:
        job = await shop.admitted()
        waiting = asyncio.create_task(self.waited(shop, job, 99, Listener(shop)))
        await asyncio.sleep(1.3)
        assert shop.table.calls["get"] <= 3
        waiting.cancel()

    async def test_whoever_stops_waiting_leaves_no_watcher_and_the_job_goes_on(
        self, shop: Shop
    ) -> None:
        job = await shop.admitted()
        listener = Listener(shop)
        waiting = asyncio.create_task(self.waited(shop, job, 99, listener))
        await listener.heard.wait()
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert vars(shop.board) == vars(InProcessBoard())
        assert (await shop.look(job)).state is State.QUEUED

    async def test_a_queued_job_is_not_waited_for_once_the_service_is_stopping(
        self, shop: Shop
    ) -> None:
        job = await shop.admitted()
        shop.intake.close()
        assert (await self.waited(shop, job, 99, Listener(shop))).state is State.QUEUED

    async def test_a_running_job_is_waited_for_though_the_service_is_stopping(
        self, shop: Shop
    ) -> None:
        job = await shop.claimed()
        shop.intake.close()
        listener = Listener(shop, seconds=1)
        assert (await self.waited(shop, job, 1, listener)).state is State.RUNNING
        assert len(listener.news) == 1

    async def test_no_job_is_waited_for_once_the_service_is_drained(self, shop: Shop) -> None:
        job = await shop.claimed()
        shop.intake.end()
        listener = Listener(shop)
        assert (await self.waited(shop, job, 99, listener)).state is State.RUNNING
        assert listener.news == []

    async def waited(self, shop: Shop, job: Job, seconds: float, listener: Listener) -> Job:
        return await shop.jobs.wait(job.caller.subject, job.id, seconds, listener)
