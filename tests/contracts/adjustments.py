"""What the books promise of corrections. A suite gives the fixture `desk`."""

import asyncio
from typing import Any

import pytest

from imagewright.core.adjustment import Adjustment
from imagewright.core.budget import Account, Level
from imagewright.core.errors import BudgetExceeded, InvalidRequest, NotFound
from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.core.revocation import Warrant
from tests.contracts.samples import DAY, NOON, OWNER, PRICE, SECOND, WHENCE, Desk, day, verdict

TOMORROW = NOON + 24 * 3600 * SECOND
EVERYONE = Account(level=Level.EVERYONE, key="", period=DAY)
OWN = Account(level=Level.SUBJECT, key=OWNER.subject, period=DAY)


def bill(job: str, amount: int, reference: str = "bill 7, line 3", **more: Any) -> Adjustment:
    warrant = Warrant(by="root", reason="the November bill", at=TOMORROW)
    return Adjustment(
        job=job, amount=Nano(amount), reference=reference, **{"warrant": warrant, **more}
    )


async def used(desk: Desk, *accounts: Account) -> list[tuple[int, int]]:
    found = await desk.books.balances(accounts or (EVERYONE, OWN))
    return [(each.held, each.settled) for each in found]


class AdjustmentsContract:
    async def test_a_higher_bill_counts_where_and_when_it_was_held(self, desk: Desk) -> None:
        job, _image = await desk.done()
        assert await desk.books.adjust(bill(job.id, 3))
        assert (await desk.jobs.get(OWNER.subject, job.id)).actual == PRICE + 3
        assert await used(desk) == [(0, PRICE + 3)] * 2

    async def test_what_is_given_back_leaves_room_again(self, desk: Desk) -> None:
        charges = (day(Level.EVERYONE, "", PRICE),)
        await desk.admit(charges=charges)
        job = await desk.run()
        assert await desk.books.settle(verdict(job))
        with pytest.raises(BudgetExceeded):
            await desk.admit("second", charges=charges, ceiling=1)
        assert await desk.books.adjust(bill(job.id, -PRICE))
        assert await used(desk, EVERYONE) == [(0, 0)]
        await desk.admit("second", charges=charges)

    async def test_a_bill_may_pass_a_limit_that_then_lets_nothing_in(self, desk: Desk) -> None:
        charges = (day(Level.EVERYONE, "", PRICE * 2),)
        await desk.admit(charges=charges)
        job = await desk.run()
        assert await desk.books.settle(verdict(job))
        assert await desk.books.adjust(bill(job.id, 9 * PRICE))
        with pytest.raises(BudgetExceeded) as raised:
            await desk.admit("second", charges=charges, ceiling=1)
        assert raised.value.details["used_usd"] == "0.40"

    async def test_by_one_reference_a_job_is_adjusted_once(self, desk: Desk) -> None:
        job, _image = await desk.done()
        entered = await asyncio.gather(*(desk.books.adjust(bill(job.id, 5)) for _ in range(5)))
        assert sorted(entered) == [False] * 4 + [True]
        assert await desk.books.adjust(bill(job.id, 5, "bill 7, line 4"))
        assert await used(desk, EVERYONE) == [(0, PRICE + 10)]

    async def test_one_reference_may_adjust_several_jobs(self, desk: Desk) -> None:
        first, _image = await desk.done("a")
        second, _image = await desk.done("b")
        for job in (first, second):
            assert await desk.books.adjust(bill(job.id, 5))
        assert await used(desk, EVERYONE) == [(0, 2 * PRICE + 10)]

    async def test_a_reference_with_another_amount_is_refused(self, desk: Desk) -> None:
        job, _image = await desk.done()
        assert await desk.books.adjust(bill(job.id, 5))
        with pytest.raises(InvalidRequest, match=r"0\.000000005"):
            await desk.books.adjust(bill(job.id, 6))
        assert await used(desk, EVERYONE) == [(0, PRICE + 5)]

    async def test_no_more_is_given_back_than_it_has_cost(self, desk: Desk) -> None:
        job, _image = await desk.done()
        with pytest.raises(InvalidRequest, match=r"0\.04"):
            await desk.books.adjust(bill(job.id, -PRICE - 1))
        assert await desk.books.adjust(bill(job.id, -PRICE, "the one"))
        with pytest.raises(InvalidRequest):
            await desk.books.adjust(bill(job.id, -1, "the other"))
        assert await used(desk) == [(0, 0)] * 2

    async def test_what_is_not_settled_is_not_adjusted(self, desk: Desk) -> None:
        job = await desk.admit()
        with pytest.raises(InvalidRequest, match="not settled"):
            await desk.books.adjust(bill(job.id, 1))
        running = await desk.run()
        assert await desk.books.settle(verdict(running, None, state=State.OUTCOME_UNKNOWN))
        with pytest.raises(InvalidRequest, match="not settled"):
            await desk.books.adjust(bill(job.id, 1))
        assert await used(desk) == [(PRICE, 0)] * 2

    async def test_what_was_cancelled_or_free_may_be_billed_all_the_same(self, desk: Desk) -> None:
        queued = await desk.admit("queued")
        await desk.books.cancel(OWNER, queued.id, WHENCE, NOON)
        await desk.admit("free", ceiling=0, consent=Consent.FREE)
        free = await desk.run()
        assert await desk.books.settle(verdict(free, 0))
        assert await used(desk) == [(0, 0)] * 2
        for job in (queued.id, free.id):
            assert await desk.books.adjust(bill(job, 7))
        assert await used(desk) == [(0, 14)] * 2

    async def test_a_bill_is_the_providers_that_made_it(self, desk: Desk) -> None:
        painter, carver = (day(Level.PROVIDER, name) for name in ("painter", "carver"))
        await desk.admit(charges=(carver, painter))
        outcome = '{"provider": "carver", "model": "knife"}'
        job = await desk.run()
        assert await desk.books.settle(verdict(job, 0, outcome=outcome))
        assert await desk.books.adjust(bill(job.id, 9))
        assert await used(desk, carver.account, painter.account) == [(0, 9), (0, 0)]

    async def test_a_job_that_never_was_is_not_found(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            await desk.books.adjust(bill("job_never", 1))

    async def test_a_job_whose_image_is_gone_is_adjusted(self, desk: Desk) -> None:
        job, image = await desk.done()
        await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False)
        assert await desk.books.adjust(bill(job.id, 1))
        assert await used(desk, EVERYONE) == [(0, PRICE + 1)]
