"""Several processes on one database, and processes that die."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from imagewright.adapters.sql.database import Database
from tests.adapters.sql import crowd
from tests.adapters.sql.invariants import broken
from tests.contracts.approvals import DIGEST, linked, offered
from tests.contracts.books import balance
from tests.contracts.samples import NOON, PRICE, SECOND, Desk

ROOT = Path(__file__).parents[3]
Crew = subprocess.Popen[str]


def crews(
    url: str, *seeds: str, asks: int = 0, program: str = "crew"
) -> AbstractContextManager[list[Crew]]:
    """Processes that work until they are killed, or have done so many asks."""
    return started(*((program, url, seed, str(asks)) for seed in seeds))


@contextmanager
def started(*commands: tuple[str, ...]) -> Iterator[list[Crew]]:
    """Processes of modules of this room, killed in the end."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", f"tests.adapters.sql.{name}", *arguments],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, *arguments in commands
    ]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


async def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return (await asyncio.to_thread(stream.readline)).strip()


async def worked(process: Crew, steps: int) -> None:
    while int(await line(process.stdout)) < steps:
        pass


async def let_go(processes: list[Crew]) -> None:
    """Have all of them begin at one moment."""
    for process in processes:
        assert await line(process.stdout) == "ready"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


async def admitted(processes: list[Crew]) -> int:
    """How many asks all processes together get in, let go at one moment."""
    await let_go(processes)
    return sum([int(await line(process.stdout)) for process in processes])


async def test_two_processes_together_admit_what_the_budget_has_room_for(
    url: str, database: Database, desk: Desk
) -> None:
    with crews(url, "a", "b", asks=32) as processes:
        assert await admitted(processes) == 9
    assert await balance(desk) == (9 * PRICE, 0)
    assert await database.read(broken) == []


async def test_of_two_processes_that_approve_by_one_link_one_wins(url: str, desk: Desk) -> None:
    await linked(desk, await offered(desk))
    with started(*[("approver", url, DIGEST)] * 2) as processes:
        await let_go(processes)
        assert sorted([await line(each.stdout) for each in processes]) == ["approved", "gone"]


async def test_500_asks_of_a_crowd_at_once_fill_every_budget_to_the_last_ask(
    url: str, database: Database, desk: Desk
) -> None:
    with crews(url, "a", "b", asks=250, program="crowd") as processes:
        assert await admitted(processes) == crowd.most()
    rooms = {
        account: limit
        for place in range(crowd.SUBJECTS)
        for account, limit in crowd.limits(place).items()
    }
    found = await desk.books.balances(tuple(rooms))
    assert [each.account for each in found if each.held > rooms[each.account] * PRICE] == []
    assert await balance(desk) == (crowd.most() * PRICE, 0)
    assert await database.read(broken) == []


async def test_killed_processes_leave_the_books_right(url: str, database: Database) -> None:
    for steps in (2, 7):
        with crews(url, f"a{steps}", f"b{steps}") as processes:
            for process in processes:
                await worked(process, steps)
        assert await database.read(broken) == []
    await database.close()
    await database.open()
    assert await database.read(broken) == []


async def test_a_process_that_comes_back_puts_its_jobs_right(
    url: str, database: Database, desk: Desk
) -> None:
    with crews(url, "a") as (process,):
        await worked(process, 5)
    left = await desk.claim("worker-a")
    recovered = await desk.jobs.recover(NOON + SECOND, sole=True)
    assert left is None or left.id in recovered.requeued
    assert (await desk.jobs.counts())["running"] == 0
    assert await database.read(broken) == []
