"""What the books promise of quotes and consent; part of `BooksContract`."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.budget import Level
from imagewright.core.errors import BudgetExceeded, Busy, ConfirmationInvalid
from imagewright.ports.books import Capacity
from tests.contracts.samples import (
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    WHENCE,
    Desk,
    day,
    plan_of,
)


class Confirmation:
    async def consented(self, desk: Desk, prompt: str = "a fox", now: int = NOON) -> str:
        quote = desk.quote(plan_of(prompt))
        return (await desk.books.offer(OWNER, quote, WHENCE, now)).id

    async def test_a_quote_opens_the_door_once(self, desk: Desk) -> None:
        given = await self.consented(desk)
        job = await desk.admit(given=given)
        assert job.quote == given
        await desk.books.cancel(OWNER, job.id, WHENCE, NOON)
        with pytest.raises(ConfirmationInvalid):
            await desk.admit(given=given)

    async def test_an_open_quote_is_found_by_whoever_it_is_offered_to(self, desk: Desk) -> None:
        quote = desk.quote(plan_of("a fox"))
        assert await desk.books.offered(OWNER, quote, NOON) is None
        given = await self.consented(desk)
        assert await desk.books.offered(OWNER, quote, NOON) == given
        assert await desk.books.offered(STRANGER, quote, NOON) is None
        for other in (desk.quote(plan_of("a dog")), desk.quote(plan_of("a fox"), PRICE + 1)):
            assert await desk.books.offered(OWNER, other, NOON) is None
        assert await desk.books.offered(OWNER, quote, quote.expires_at) is None
        await desk.admit(given=given)
        assert await desk.books.offered(OWNER, quote, NOON) is None

    async def test_twenty_racers_use_it_once(self, desk: Desk) -> None:
        given = await self.consented(desk)
        plan = plan_of("a fox")
        racers = [desk.books.admit(desk.demand(plan=plan, given=given)) for _ in range(20)]
        assert [each.fresh for each in await asyncio.gather(*racers)].count(True) == 1

    @pytest.mark.parametrize(
        "wrong", ["unknown", "stranger", "other ask", "higher ceiling", "expired"]
    )
    async def test_all_that_can_be_wrong_reads_the_same(self, desk: Desk, wrong: str) -> None:
        given = await self.consented(desk)
        demand = replace(desk.demand(), given=given)
        changed = {
            "unknown": replace(demand, given="quo_unknown"),
            "stranger": replace(desk.demand(caller=STRANGER), given=given),
            "other ask": replace(desk.demand("a dog"), given=given),
            "higher ceiling": replace(desk.demand(ceiling=PRICE + 1), given=given),
            "expired": replace(demand, now=NOON + 900 * SECOND),
        }
        with pytest.raises(ConfirmationInvalid) as raised:
            await desk.books.admit(changed[wrong])
        assert raised.value.sentence == (
            "There is no open quote of yours with this id for exactly this ask."
        )
        assert (await desk.books.admit(demand)).fresh

    async def test_a_lower_price_than_was_agreed_to_is_admitted(self, desk: Desk) -> None:
        given = await self.consented(desk)
        job = await desk.admit(given=given, ceiling=PRICE - 1)
        assert job.ceiling == PRICE - 1

    async def test_a_refusal_gives_the_consent_back(self, desk: Desk) -> None:
        given = await self.consented(desk)
        with pytest.raises(BudgetExceeded):
            await desk.admit(given=given, charges=(day(Level.EVERYONE, "", 1),))
        with pytest.raises(Busy):
            await desk.admit(given=given, capacity=Capacity(queued=0))
        assert (await desk.admit(given=given)).quote == given

    async def test_the_open_quote_is_offered_again(self, desk: Desk) -> None:
        plan = plan_of("a fox")
        first = await desk.books.offer(OWNER, desk.quote(plan), WHENCE, NOON)
        again = await desk.books.offer(OWNER, desk.quote(plan), WHENCE, NOON + SECOND)
        assert again == first
        dearer = await desk.books.offer(OWNER, desk.quote(plan, PRICE + 1), WHENCE, NOON)
        assert dearer.id != first.id
        theirs = await desk.books.offer(STRANGER, desk.quote(plan), WHENCE, NOON)
        assert theirs.id != first.id

    async def test_a_quote_about_to_expire_is_replaced(self, desk: Desk) -> None:
        plan = plan_of("a fox")
        first = await desk.books.offer(OWNER, desk.quote(plan), WHENCE, NOON)
        later = first.expires_at - 60 * SECOND
        new = desk.quote(plan, expires_at=later + 900 * SECOND)
        assert await desk.books.offer(OWNER, new, WHENCE, later) == new

    async def test_a_used_quote_is_not_offered_again(self, desk: Desk) -> None:
        given = await self.consented(desk)
        await desk.admit(given=given)
        assert await self.consented(desk) != given

    async def test_a_ninth_open_quote_ends_the_oldest(self, desk: Desk) -> None:
        given = [await self.consented(desk, f"fox {n}", NOON + n) for n in range(9)]
        with pytest.raises(ConfirmationInvalid):
            await desk.admit("fox 0", given=given[0])
        for place in range(1, 9):
            job = await desk.admit(f"fox {place}", given=given[place])
            assert job.quote == given[place]
