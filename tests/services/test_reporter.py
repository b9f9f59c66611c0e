"""How far a job is, for those who watch and for the table."""

import pytest

from imagewright.core.errors import StorageFull, Unavailable
from imagewright.core.job import Job
from imagewright.ports.board import News, Partial
from imagewright.services.reporter import Reporter
from tests.fakes.pictures import encoded, facts
from tests.services.shop import BOT, Shop


def reporter(shop: Shop, job: Job) -> Reporter:
    return Reporter(job, shop.table, shop.library, shop.board, shop.clock)


async def test_the_board_hears_all_and_the_table_new_phrases_and_one_entry_a_second(
    shop: Shop,
) -> None:
    job = await shop.claimed()
    watch = reporter(shop, job)
    async with shop.board.watch(job.id) as news:
        for step in range(4):
            await watch.stage("drawing", step, 9)
            shop.clock.advance(0.4)
        heard = [(await anext(news)).done for _ in range(4)]
    assert heard == [0, 1, 2, 3]
    assert shop.table.calls["report"] == 2
    found = await shop.look(job)
    assert (found.stage, found.done, found.total) == ("drawing", 3, 9)
    await watch.stage("packing")
    assert (await shop.look(job)).stage == "packing"


@pytest.mark.parametrize("fault", [Unavailable("away"), RuntimeError("secret words")])
async def test_a_stage_that_cannot_be_written_stops_nobody(
    shop: Shop, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    job = await shop.claimed()
    shop.table.fail("report", fault)
    await reporter(shop, job).stage("drawing")
    assert (await shop.look(job)).stage == "claimed"
    assert "stage not written" in caplog.text
    assert "secret words" not in caplog.text


async def test_a_partial_is_kept_before_it_is_told_of(shop: Shop) -> None:
    job = await shop.claimed()
    async with shop.board.watch(job.id) as news:
        await reporter(shop, job).partial(2, encoded())
        heard = await anext(news)
    kept = await shop.library.partial(BOT.subject, job.id)
    assert kept is not None
    assert heard == News(stage="partial image 3", partial=Partial(index=2, data=kept))
    assert facts(kept)[0] == "webp"


@pytest.mark.parametrize("fault", [StorageFull("full"), RuntimeError("x"), None])
async def test_a_partial_that_cannot_be_kept_is_not_told_of(
    shop: Shop, fault: Exception | None
) -> None:
    job = await shop.claimed()
    if fault is not None:
        shop.store.fail("put_preview", fault)
    async with shop.board.watch(job.id) as news:
        watch = reporter(shop, job)
        await watch.partial(0, encoded() if fault else b"no picture")
        await watch.stage("drawing")
        assert (await anext(news)).stage == "drawing"


async def test_what_is_left_is_told_in_the_phrase(shop: Shop) -> None:
    job = await shop.claimed()
    watch = reporter(shop, job)
    async with shop.board.watch(job.id) as news:
        await watch.stage("sampling", 3, 20, left=11.6)
        await watch.stage("sampling", 4, 20, left=11.1)
        assert await anext(news) == News(stage="sampling, about 12 s left", done=3, total=20)
    assert (await shop.look(job)).stage == "sampling, about 12 s left"
    assert shop.table.calls["report"] == 1
