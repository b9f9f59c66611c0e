"""News of jobs, for those who watch."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from imagewright.adapters.queue.board import InProcessBoard
from imagewright.ports.board import News

END = News(stage="succeeded", ended=True)


def step(number: int) -> News:
    return News(stage="drawing", done=number, total=1000)


async def test_everybody_who_watches_a_job_hears_of_it_in_order() -> None:
    board = InProcessBoard()
    async with board.watch("job_1") as first, board.watch("job_1") as second:
        board.post("job_1", step(1))
        board.post("job_1", END)
        for watcher in (first, second):
            assert [await anext(watcher), await anext(watcher)] == [step(1), END]


async def test_nobody_hears_of_another_job() -> None:
    board = InProcessBoard()
    async with board.watch("job_1") as news:
        board.post("job_2", END)
        board.post("job_1", step(1))
        assert await anext(news) == step(1)


async def test_news_from_before_the_watch_is_not_told() -> None:
    board = InProcessBoard()
    board.post("job_1", step(1))
    async with board.watch("job_1") as news:
        board.post("job_1", END)
        assert await anext(news) == END


@pytest.mark.parametrize("posts", [31, 32, 33, 1000])
async def test_a_slow_watcher_loses_the_oldest_never_the_end(posts: int) -> None:
    board = InProcessBoard()
    async with board.watch("job_1") as news:
        for number in range(posts):
            board.post("job_1", step(number))
        board.post("job_1", END)
        heard: list[News] = []
        async for each in news:
            heard.append(each)
            if each.ended:
                break
    assert len(heard) == min(posts + 1, 32)
    assert heard[:-1] == [step(number) for number in range(posts)][-len(heard) + 1 :]


async def test_a_wait_that_is_broken_off_loses_nothing_and_can_be_taken_up_again() -> None:
    board = InProcessBoard()
    async with board.watch("job_1") as news:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await anext(news)
        board.post("job_1", END)
        async with asyncio.timeout(1):
            assert await anext(news) == END


async def test_watchers_leave_nothing_behind_however_they_leave() -> None:
    board = InProcessBoard()
    async with AsyncExitStack() as stack:
        for number in range(100):
            await stack.enter_async_context(board.watch(f"job_{number % 3}"))
    with pytest.raises(RuntimeError):
        async with board.watch("job_1"):
            raise RuntimeError

    async def watch() -> None:
        async with board.watch("job_1") as news:
            await anext(news)

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert vars(board) == vars(InProcessBoard())


async def test_one_watcher_leaving_does_not_silence_another() -> None:
    board = InProcessBoard()
    async with board.watch("job_1") as stays:
        async with board.watch("job_1"):
            pass
        board.post("job_1", END)
        assert await anext(stays) == END
