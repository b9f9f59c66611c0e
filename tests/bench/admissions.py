"""Admissions a second beside the least a durable transaction can cost, in the same run.

python -m tests.bench.admissions [database address, made if it is a SQLite file]
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.core.budget import Account, Charge, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.ports.books import Capacity, Demand
from tests.contracts.samples import WHENCE, Desk, Random, plan_of

COUNT = 2000
AT_ONCE = 32
ROOM = Capacity(queued=10**6, waiting=10**6)


def charges(subject: str) -> tuple[Charge, ...]:
    """Four levels, a day and a month each."""
    levels = (Level.EVERYONE, ""), (Level.PROVIDER, "painter"), (Level.SUBJECT, subject)
    return tuple(
        Charge(account=Account(level=level, key=key, period=period), limit=Nano(10**17))
        for level, key in (*levels, (Level.TOKEN, "tok"))
        for period in ("2026-11", "2026-11-21")
    )


async def demands(desk: Desk) -> list[Demand]:
    """Asks of many subjects, eight each, with a quote that stands ready to be used up."""
    made = []
    for place in range(COUNT):
        caller = Caller(subject=f"user:{place // 8}", credential=Credential(id="tok"))
        plan = plan_of(f"picture number {place}")
        quote = desk.quote(plan)
        made.append(
            replace(
                desk.demand(plan=plan, caller=caller),
                quote=quote,
                given=quote.id,
                consent=Consent.HUMAN,
                charges=charges(caller.subject),
                capacity=ROOM,
            )
        )
    return made


def bare(path: Path) -> float:
    """Transactions a second of one UPDATE each on plain sqlite3, as durable."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")
    connection.execute("INSERT INTO t VALUES (1, 0)")
    began = time.perf_counter()
    for _ in range(COUNT):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE t SET v = v + 1 WHERE k = 1")
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - began
    connection.close()
    return COUNT / elapsed


async def measure(url: str) -> float:
    database = Database(SqlConfig(url=url))
    await database.open()
    random = Random(seed=str(time.time_ns()))
    desk = Desk(SqlBooks(database), SqlJobs(database), SqlLibrary(database), random)
    waiting = await demands(desk)
    for demand in waiting:
        await desk.books.offer(demand.caller, demand.quote, WHENCE, demand.now)
    gate = asyncio.Semaphore(AT_ONCE)

    async def admit(demand: Demand) -> None:
        async with gate:
            assert (await desk.books.admit(demand)).fresh

    began = time.perf_counter()
    await asyncio.gather(*(admit(demand) for demand in waiting))
    elapsed = time.perf_counter() - began
    await database.close()
    return COUNT / elapsed


def main() -> None:
    with tempfile.TemporaryDirectory(dir=".") as directory:
        place = Path(directory)
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{place.resolve()}/books.db"
        print(f"bare transactions: {bare(place / 'bare.db'):.0f} a second")
        print(f"admissions:        {asyncio.run(measure(url)):.0f} a second")
        print(f"bare transactions: {bare(place / 'bare2.db'):.0f} a second")


if __name__ == "__main__":
    main()
