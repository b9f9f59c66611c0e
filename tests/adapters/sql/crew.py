"""A process that asks, works, cancels and recovers without end, until it is killed.

python -m tests.adapters.sql.crew <database address> <seed> [<asks>]
"""

import asyncio
import random
import sys

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.core.budget import Level
from imagewright.core.errors import BudgetExceeded, Busy
from imagewright.core.job import State
from imagewright.ports.books import Capacity
from tests.contracts.samples import (
    NOON,
    OWNER,
    PRICE,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    Desk,
    Random,
    day,
    verdict,
)

CALLERS = (OWNER, TEAM_MATE, STRANGER)


async def ask_for_nine(desk: Desk, seed: str, asks: int) -> int:
    """How many of so many asks at once a budget for nine admits."""
    charges = (day(Level.EVERYONE, "", PRICE * 9 + 1),)
    room = Capacity(queued=1000, waiting=1000)
    answers = await asyncio.gather(
        *(
            desk.books.admit(
                desk.demand(f"{seed} {n}", CALLERS[n % 3], charges=charges, capacity=room)
            )
            for n in range(asks)
        ),
        return_exceptions=True,
    )
    return sum(not isinstance(answer, BudgetExceeded) for answer in answers)


async def step(desk: Desk, seed: str, chance: random.Random) -> None:
    caller = chance.choice(CALLERS)
    try:
        job = await desk.admit(f"{seed} {chance.randrange(40)}", caller)
    except Busy:
        pass
    else:
        if chance.random() < 0.2:
            await desk.books.cancel(caller, job.id, WHENCE, NOON)
    owner = f"worker-{seed}"
    claimed = await desk.claim(owner)
    if claimed is None or not await desk.jobs.start(claimed, owner, NOON):
        return
    amount = chance.choice([0, PRICE // 2, PRICE])
    state = State.SUCCEEDED if amount else State.FAILED
    images = (desk.image(claimed.id),) if amount else ()
    await desk.books.settle(verdict(claimed, amount, state=state, owner=owner, images=images))


async def work(desk: Desk, seed: str) -> None:
    chance = random.Random(seed)
    steps = 0
    while True:
        await asyncio.gather(*(step(desk, seed, chance) for _ in range(4)))
        steps += 1
        print(steps, flush=True)


async def main(url: str, seed: str, asks: int) -> None:
    database = Database(SqlConfig(url=url, busy_seconds=30))
    await database.open()
    desk = Desk(SqlBooks(database), SqlJobs(database), SqlLibrary(database), Random(seed))
    if asks:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(await ask_for_nine(desk, seed, asks), flush=True)
        await database.close()
    else:
        await work(desk, seed)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["0"])[0])))
