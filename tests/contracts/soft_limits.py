"""What the books promise of soft limits. A suite gives the fixture `desk`."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.budget import Charge, Crossing, Level
from imagewright.core.errors import BudgetExceeded
from imagewright.core.money import Nano
from imagewright.ports.books import Capacity
from tests.contracts.samples import NOON, OWNER, PRICE, WHENCE, Desk, day


def soft(level: Level, key: str, most: int) -> Charge:
    return replace(day(level, key), soft=Nano(most))


class SoftLimitsContract:
    async def test_a_soft_limit_is_told_of_once_by_the_hold_that_reaches_it(
        self, desk: Desk
    ) -> None:
        charges = (soft(Level.SUBJECT, OWNER.subject, PRICE * 2), soft(Level.EVERYONE, "", PRICE))
        told = [
            (await desk.books.admit(desk.demand(each, charges=charges))).crossed for each in "abc"
        ]
        own, everyone = charges[0].account, charges[1].account
        assert told == [
            (Crossing(account=everyone, soft=PRICE, used=PRICE),),
            (Crossing(account=own, soft=Nano(PRICE * 2), used=Nano(PRICE * 2)),),
            (),
        ]

    async def test_a_soft_limit_is_not_told_of_again_when_it_is_passed_again(
        self, desk: Desk
    ) -> None:
        charges = (soft(Level.EVERYONE, "", PRICE),)
        first = await desk.books.admit(desk.demand("first", charges=charges))
        assert (await desk.books.admit(desk.demand("first", charges=charges))).crossed == ()
        await desk.books.cancel(OWNER, first.job.id, WHENCE, NOON)
        again = await desk.books.admit(desk.demand("second", charges=charges))
        assert (len(first.crossed), again.crossed) == (1, ())

    async def test_a_soft_limit_that_is_raised_is_told_of_again(self, desk: Desk) -> None:
        low, high = (soft(Level.EVERYONE, "", most) for most in (PRICE, PRICE * 2))
        told = [
            (await desk.books.admit(desk.demand(str(place), charges=(charge,)))).crossed
            for place, charge in enumerate((low, high, low, high))
        ]
        assert [[each.soft for each in found] for found in told] == [[PRICE], [2 * PRICE], [], []]

    async def test_what_is_refused_tells_of_no_soft_limit(self, desk: Desk) -> None:
        both = replace(soft(Level.EVERYONE, "", PRICE), limit=Nano(PRICE))
        with pytest.raises(BudgetExceeded):
            await desk.admit("too much", charges=(both,), ceiling=PRICE + 1)
        assert len((await desk.books.admit(desk.demand("fits", charges=(both,)))).crossed) == 1

    async def test_one_of_many_at_once_tells_of_a_soft_limit(self, desk: Desk) -> None:
        charges, room = (soft(Level.EVERYONE, "", PRICE * 9),), Capacity(waiting=64)
        answers = await asyncio.gather(
            *(
                desk.books.admit(desk.demand(f"fox {n}", charges=charges, capacity=room))
                for n in range(30)
            )
        )
        (crossing,) = [each for answer in answers for each in answer.crossed]
        assert crossing.used == PRICE * 9
