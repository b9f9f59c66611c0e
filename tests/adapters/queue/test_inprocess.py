"""Deliveries wake workers of this process."""

import asyncio
import random

import pytest

from imagewright.adapters.queue.inprocess import InProcessQueue

LONG = 60.0


async def waiters(queue: InProcessQueue, number: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(queue.wait(LONG)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def awake(tasks: list[asyncio.Task[None]]) -> int:
    """How many are awake once everything that can run has run; the rest are broken off."""
    for _ in range(5):
        await asyncio.sleep(0)
    found = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


@pytest.mark.parametrize("deliveries", [0, 1, 2, 3])
async def test_each_delivery_wakes_one_waiter(deliveries: int) -> None:
    queue = InProcessQueue()
    tasks = await waiters(queue, 3)
    for number in range(deliveries):
        await queue.deliver(f"job_{number}")
    assert await awake(tasks) == deliveries


async def test_without_a_delivery_the_wait_ends_with_its_time() -> None:
    async with asyncio.timeout(1):
        await InProcessQueue().wait(0.01)


async def test_a_delivery_that_nobody_waits_for_wakes_the_next_who_comes() -> None:
    queue = InProcessQueue()
    await queue.deliver("job_1")
    assert await awake(await waiters(queue, 2)) == 1


async def test_who_gave_up_is_not_woken_in_anothers_place() -> None:
    queue = InProcessQueue()
    first, second = await waiters(queue, 2)
    second.cancel()
    await queue.deliver("job_1")
    assert await awake([first]) == 1


async def test_deliveries_while_all_are_at_work_do_not_pile_up() -> None:
    queue = InProcessQueue()
    for number in range(1000):
        await queue.deliver(f"job_{number}")
    assert await awake(await waiters(queue, 100)) <= 16


async def test_nothing_is_left_of_waits_that_ended() -> None:
    queue = InProcessQueue()
    for _ in range(5):
        await queue.wait(0.001)
    await awake(await waiters(queue, 5))
    assert vars(queue) == vars(InProcessQueue())


@pytest.mark.parametrize("seed", range(20))
async def test_no_job_waits_for_a_poll_however_looks_and_deliveries_fall(seed: int) -> None:
    """50 rounds each: workers look, then wait; a job may come between the two."""
    dice = random.Random(seed)
    queue = InProcessQueue()
    table: list[int] = []
    done: list[int] = []
    over = asyncio.Event()

    async def pause() -> None:
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)

    async def worker() -> None:
        while True:
            found = table.pop() if table else None
            await pause()
            if found is None:
                await queue.wait(LONG)
                continue
            done.append(found)
            if len(done) == 50:
                over.set()

    workers = [asyncio.create_task(worker()) for _ in range(dice.randrange(1, 4))]
    for number in range(50):
        await pause()
        table.append(number)
        await pause()
        await queue.deliver(str(number))
    async with asyncio.timeout(5):
        await over.wait()
    for each in workers:
        each.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(done) == list(range(50))
