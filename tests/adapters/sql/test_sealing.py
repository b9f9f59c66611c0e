"""Lines that appear out of order, processes that write while others seal, and a death between."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection

from imagewright.adapters.sql.audit import SqlAudit, enter_note
from imagewright.adapters.sql.database import Database, SqlConfig
from tests.adapters.sql.test_processes import crews, worked
from tests.contracts.audit import KEY, note, verified
from tests.contracts.samples import NOON, SECOND, STRANGER

HOUR = 3600 * SECOND
only_postgres = pytest.mark.parametrize("url", ["postgres"], indirect=True)


@asynccontextmanager
async def held_open(database: Database, *, fails: bool = False) -> AsyncIterator[None]:
    """A transaction that has written its line and is not at its end until the context is."""
    entered, go = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        enter_note(connection, note(1, subject=STRANGER.subject))
        entered.set()
        go.wait(10)
        if fails:
            raise KeyError

    task = asyncio.ensure_future(database.write(work))
    await asyncio.to_thread(entered.wait, 10)
    try:
        yield
    finally:
        go.set()
        await asyncio.gather(task, return_exceptions=True)


@only_postgres
async def test_a_line_that_appears_late_is_under_a_later_seal(
    url: str, database: Database, audit: SqlAudit
) -> None:
    other = Database(SqlConfig(url=url))
    await other.open()
    await audit.enter((note(),))
    async with held_open(other):
        await audit.enter((note(2),))
        first = await audit.seal(NOON)
        assert first is not None
        assert (first.ids, first.holes) == ("1,3", f"[[2,2,{NOON}]]")
        assert (await verified(audit)).broken is None
    assert (await verified(audit)).waiting == 1
    await audit.enter((note(3),))
    second = await audit.seal(NOON + SECOND)
    assert second is not None
    assert (second.ids, second.holes) == ("2,4", "[]")
    found = await verified(audit)
    assert (found.broken, found.lines, found.waiting) == (None, 4, 0)
    await other.close()


@only_postgres
async def test_a_number_whose_transaction_failed_is_given_up_after_an_hour(
    database: Database, audit: SqlAudit
) -> None:
    async with held_open(database, fails=True):
        await audit.enter((note(2),))
    first = await audit.seal(NOON)
    await audit.enter((note(3),))
    second = await audit.seal(NOON + HOUR)
    await audit.enter((note(4),))
    third = await audit.seal(NOON + HOUR + 1)
    assert [seal and seal.holes for seal in (first, second, third)] == [
        f"[[1,1,{NOON}]]", f"[[1,1,{NOON}]]", "[]",
    ]  # fmt: skip
    found = await verified(audit)
    assert (found.broken, found.lines, found.waiting) == (None, 3, 0)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_one_writer_leaves_no_number_out(database: Database, audit: SqlAudit) -> None:
    async with held_open(database, fails=True):
        pass
    await audit.enter((note(2),))
    seal = await audit.seal(NOON)
    assert seal is not None
    assert (seal.ids, seal.holes) == ("1", "[]")


async def test_killed_processes_leave_a_chain_that_holds(
    url: str, database: Database, audit: SqlAudit
) -> None:
    other = Database(SqlConfig(url=url))
    await other.open()
    rival, sealed = SqlAudit(other, KEY), 0
    for steps in (2, 5):
        with crews(url, f"a{steps}", f"b{steps}") as processes:
            work = [asyncio.ensure_future(worked(process, steps)) for process in processes]
            while not all(task.done() for task in work):
                both = await asyncio.gather(audit.seal(NOON), rival.seal(NOON))
                sealed += sum(seal is not None for seal in both)
        found = await verified(audit)
        assert found.broken is None
    assert sealed >= 2
    await other.close()
    await database.close()
    await database.open()
    await audit.seal(NOON)
    found = await verified(audit)
    assert (found.broken, found.waiting) == (None, 0)
    assert found.lines > 10
