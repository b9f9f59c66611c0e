"""Two transactions made to meet at the worst moment."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Connection, select, update

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.tables import budgets, subjects
from imagewright.core.job import State
from tests.adapters.sql.invariants import broken
from tests.contracts.books import balance
from tests.contracts.samples import NOON, OWNER, PRICE, WHENCE, Desk, verdict


@asynccontextmanager
async def accounts_held_up(database: Database) -> AsyncIterator[None]:
    """Everybody who would change an account or a subject waits until the context ends."""
    entered, go = threading.Event(), threading.Event()

    def block(connection: Connection) -> None:
        connection.execute(select(subjects).with_for_update(key_share=True)).all()
        connection.execute(update(budgets).values(held=budgets.c.held))
        entered.set()
        go.wait(10)

    blocking = asyncio.ensure_future(database.write(block))
    await asyncio.to_thread(entered.wait, 10)
    try:
        yield
        await asyncio.sleep(0.2)
    finally:
        go.set()
        await blocking


async def test_two_that_settle_one_job_at_once_settle_it_once(
    database: Database, desk: Desk
) -> None:
    await desk.admit()
    job = await desk.run()
    async with accounts_held_up(database):
        ends = [asyncio.ensure_future(desk.books.settle(verdict(job))) for _ in range(3)]
    assert sorted(await asyncio.gather(*ends)) == [False, False, True]
    assert await balance(desk) == (0, PRICE)
    assert await database.read(broken) == []


async def test_a_job_that_is_cancelled_twice_at_once_is_released_once(
    database: Database, desk: Desk
) -> None:
    job = await desk.admit()
    async with accounts_held_up(database):
        ends = [
            asyncio.ensure_future(desk.books.cancel(OWNER, job.id, WHENCE, NOON)) for _ in range(3)
        ]
    assert {ended.state for ended in await asyncio.gather(*ends)} == {State.CANCELED}
    assert await balance(desk) == (0, 0)
    assert await database.read(broken) == []


async def test_the_same_ask_that_waits_for_itself_is_one_job(
    database: Database, desk: Desk
) -> None:
    await desk.admit("other")
    async with accounts_held_up(database):
        asks = [asyncio.ensure_future(desk.books.admit(desk.demand())) for _ in range(5)]
    answers = await asyncio.gather(*asks)
    assert [answer.fresh for answer in answers].count(True) == 1
    assert len({answer.job.id for answer in answers}) == 1
    assert await database.read(broken) == []


async def test_claims_that_wait_for_each_other_keep_to_the_subjects_share(
    database: Database, desk: Desk
) -> None:
    for place in range(4):
        await desk.admit(f"fox {place}")
    async with accounts_held_up(database):
        claims = [asyncio.ensure_future(desk.claim(f"worker-{n}")) for n in range(5)]
    taken = [job.id for job in await asyncio.gather(*claims) if job is not None]
    assert len(taken) == len(set(taken)) == 2
