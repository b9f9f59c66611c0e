"""Admissions a second, and the least that a transaction as durable can cost."""

import asyncio
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import psycopg

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

COUNT = 1000
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


def bare_postgres(url: str) -> float:
    """The same on PostgreSQL, by one connection that waits for each to be on disk."""
    address = url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")
        connection.execute("INSERT INTO t VALUES (1, 0)")
        began = time.perf_counter()
        for _ in range(COUNT):
            connection.execute("BEGIN")
            connection.execute("UPDATE t SET v = v + 1 WHERE k = 1")
            connection.execute("COMMIT")
        return COUNT / (time.perf_counter() - began)


async def measure(url: str) -> float:
    """Admissions a second, so many at once; a database that is not there yet is made."""
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
