"""A process that asks for a whole crowd at once, each ask within six budgets.

python -m tests.adapters.sql.crowd <database address> <seed> <asks>

Twenty subjects, each in one of three groups, each with a token of its own. Every budget lies
within the next wider one, so that how many asks fit does not depend on who comes first.
"""

import asyncio
import sys
from collections import Counter

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.core.budget import Account, Charge, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import BudgetExceeded
from imagewright.core.money import Nano
from imagewright.ports.books import Capacity
from tests.contracts.samples import DAY, PRICE, Desk, Random

SUBJECTS = 20
MONTH = DAY[:7]
TOKEN = {place: 6 + place % 15 for place in range(SUBJECTS)}
SUBJECT = {place: 5 + place % 11 for place in range(SUBJECTS)}
GROUP = {"apps": 40, "design": 55, "web": 1000}
EVERYONE = {DAY: 150, MONTH: 140}
PROVIDER = {DAY: 145, MONTH: 1000}


def group_of(place: int) -> str:
    return sorted(GROUP)[place % len(GROUP)]


def most() -> int:
    """How many of asks without end fit into all budgets."""
    each = {place: min(TOKEN[place], SUBJECT[place]) for place in range(SUBJECTS)}
    groups: Counter[str] = Counter()
    for place, room in each.items():
        groups[group_of(place)] += room
    within = sum(min(room, GROUP[name]) for name, room in groups.items())
    return min(within, *EVERYONE.values(), *PROVIDER.values())


def limits(place: int) -> dict[Account, int]:
    """The budgets of an ask of a subject, in asks; what stands for both spans limits each."""
    subject, group = f"user:{place}", group_of(place)
    found = {}
    for period in (DAY, MONTH):
        for level, key, limit in (
            (Level.TOKEN, f"tok-{place}", TOKEN[place]),
            (Level.SUBJECT, subject, SUBJECT[place]),
            (Level.GROUP, group, GROUP[group]),
            (Level.PROVIDER, "painter", PROVIDER[period]),
            (Level.EVERYONE, "", EVERYONE[period]),
        ):
            found[Account(level=level, key=key, period=period)] = limit
    return found


def charges(place: int) -> tuple[Charge, ...]:
    """The same as what is held, a little short of one more, in the order that holds keep."""
    return tuple(
        Charge(account=account, limit=Nano(limit * PRICE + PRICE - 1))
        for account, limit in sorted(limits(place).items())
    )


async def crowd(desk: Desk, seed: str, asks: int) -> int:
    """How many of so many asks at once are admitted."""
    room = Capacity(queued=10_000, waiting=10_000)

    async def ask(number: int) -> None:
        place = number % SUBJECTS
        caller = Caller(
            subject=f"user:{place}",
            groups=frozenset({group_of(place)}),
            credential=Credential(id=f"tok-{place}"),
        )
        demand = desk.demand(f"{seed} {number}", caller, charges=charges(place), capacity=room)
        assert (await desk.books.admit(demand)).fresh

    answers = await asyncio.gather(*(ask(n) for n in range(asks)), return_exceptions=True)
    for answer in answers:
        if answer is not None and not isinstance(answer, BudgetExceeded):
            raise answer
    return answers.count(None)


async def main(url: str, seed: str, asks: int) -> None:
    database = Database(SqlConfig(url=url, busy_seconds=60))
    await database.open()
    desk = Desk(SqlBooks(database), SqlJobs(database), SqlLibrary(database), Random(seed))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(await crowd(desk, seed, asks), flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
