"""Restored books: what was open and paid is never sent again."""

from functools import partial

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.restored import disown
from imagewright.core.job import State
from imagewright.core.money import FREE
from tests.adapters.sql.invariants import broken
from tests.contracts.books import balance
from tests.contracts.samples import NOON, OWNER, PRICE, SECOND, Desk


async def test_paid_jobs_that_were_open_end_as_unknown_and_keep_their_holds(
    database: Database, desk: Desk
) -> None:
    begun = await desk.admit("begun")
    assert (await desk.claim("worker-a")) is not None
    waiting = await desk.admit("waiting")
    ended = await database.write(partial(disown, now=NOON + SECOND))
    assert ended == 2
    for job in (begun, waiting):
        found = await desk.jobs.get(OWNER.subject, job.id)
        assert found.state is State.OUTCOME_UNKNOWN
        assert found.finished_at == NOON + SECOND
    assert await desk.claim("worker-b") is None
    recovered = await desk.jobs.recover(NOON + 2 * SECOND, sole=True)
    assert (recovered.requeued, recovered.unknown) == ((), ())
    assert await balance(desk) == (2 * PRICE, 0)
    assert await database.read(broken) == []
    assert await database.write(partial(disown, now=NOON + SECOND)) == 0


async def test_what_costs_nothing_goes_on(database: Database, desk: Desk) -> None:
    free = await desk.admit("free", ceiling=FREE)
    assert await database.write(partial(disown, now=NOON + SECOND)) == 0
    claimed = await desk.claim("worker-a")
    assert claimed is not None
    assert claimed.id == free.id


async def test_what_goes_on_holds_its_place_for_nobody(database: Database, desk: Desk) -> None:
    free = await desk.admit("free", ceiling=FREE)
    assert (await desk.claim("worker-a")) is not None
    assert (await desk.jobs.recover(NOON + SECOND, sole=False)).requeued == ()
    await database.write(partial(disown, now=NOON + SECOND))
    assert (await desk.jobs.recover(NOON + SECOND, sole=False)).requeued == (free.id,)
