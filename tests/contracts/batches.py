"""What the books promise of batches. A suite gives the fixture `desk`."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.batch import whole
from imagewright.core.budget import Account, Level
from imagewright.core.caller import Caller
from imagewright.core.errors import BudgetExceeded, Busy, ConfirmationInvalid, NotFound
from imagewright.core.ids import Kind
from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.ports.books import Bulk, Capacity
from tests.contracts.samples import (
    DAY,
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    Desk,
    day,
    verdict,
)

ME = OWNER.subject
EVERYONE = Account(level=Level.EVERYONE, key="", period=DAY)


def bulk_of(desk: Desk, *prompts: str, caller: Caller = OWNER, **changes: Any) -> Bulk:
    demands = tuple(
        replace(desk.demand(prompt, caller, **changes), now=NOON + place)
        for place, prompt in enumerate(prompts)
    )
    digest = whole(demand.quote.digest for demand in demands)
    quote = replace(demands[0].quote, id=desk.id(Kind.QUOTE), digest=digest)
    return Bulk(
        group=desk.id(Kind.GROUP),
        digest=whole(demand.plan.ask.digest() for demand in demands),
        demands=demands,
        quote=replace(quote, ceiling=Nano(sum(demand.quote.ceiling for demand in demands))),
    )


async def held(desk: Desk) -> int:
    (found,) = await desk.books.balances((EVERYONE,))
    return found.held


class Together:
    async def test_a_soft_limit_that_all_of_them_reach_is_told_of_once(self, desk: Desk) -> None:
        charge = replace(day(Level.EVERYONE, ""), soft=Nano(PRICE * 2))
        admitted = await desk.books.admit_all(bulk_of(desk, "a", "b", "c", charges=(charge,)))
        (crossing,) = admitted.crossed
        assert (crossing.account, crossing.used) == (EVERYONE, PRICE * 3)
        again = await desk.books.admit_all(bulk_of(desk, "d", charges=(charge,)))
        assert again.crossed == ()

    async def test_all_become_queued_jobs_of_one_group_in_order(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b", "c")
        assert await desk.books.missing(bulk) == (0, 1, 2)
        admitted = await desk.books.admit_all(bulk)
        assert admitted.fresh
        assert [job.id for job in admitted.jobs] == [demand.job for demand in bulk.demands]
        assert {job.group for job in admitted.jobs} == {bulk.group}
        group, jobs = await desk.jobs.group(ME, bulk.group)
        assert (group, jobs) == (admitted.group, admitted.jobs)
        assert (group.id, group.digest, group.created_at) == (bulk.group, bulk.digest, NOON)
        assert group.items == tuple(job.id for job in jobs)
        assert await held(desk) == 3 * PRICE
        assert [(await desk.run()).id for _ in "ab"] == list(group.items[:2])

    async def test_the_same_ask_twice_is_one_job(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b", "a")
        assert await desk.books.missing(bulk) == (0, 1)
        admitted = await desk.books.admit_all(bulk)
        assert len(admitted.jobs) == 2
        assert admitted.group.items[0] == admitted.group.items[2] == bulk.demands[0].job
        assert await held(desk) == 2 * PRICE

    async def test_what_an_earlier_job_answers_costs_nothing(self, desk: Desk) -> None:
        job, _ = await desk.done("b")
        bulk = bulk_of(desk, "a", "b", reuse_since=NOON)
        assert await desk.books.missing(bulk) == (0,)
        admitted = await desk.books.admit_all(bulk)
        assert admitted.group.items == (bulk.demands[0].job, job.id)
        _, jobs = await desk.jobs.group(ME, bulk.group)
        assert {each.id: each.group for each in jobs} == {
            bulk.demands[0].job: bulk.group,
            job.id: None,
        }
        assert await held(desk) == PRICE

    async def test_the_same_batch_again_joins(self, desk: Desk) -> None:
        first = await desk.books.admit_all(bulk_of(desk, "a", "b"))
        again = bulk_of(desk, "a", "b")
        assert await desk.books.missing(again) == ()
        joined = await desk.books.admit_all(again)
        assert (joined.group, joined.jobs, joined.fresh) == (first.group, (), False)
        turned = await desk.books.admit_all(bulk_of(desk, "b", "a"))
        assert (turned.fresh, turned.jobs) == (True, ())
        assert turned.group.items == tuple(reversed(first.group.items))
        assert await held(desk) == 2 * PRICE

    async def test_the_same_batch_after_a_failure_does_that_anew(self, desk: Desk) -> None:
        first = await desk.books.admit_all(bulk_of(desk, "a", "b"))
        failed = await desk.run()
        await desk.books.settle(verdict(failed, 0, state=State.FAILED))
        again = bulk_of(desk, "a", "b")
        admitted = await desk.books.admit_all(again)
        assert [job.id for job in admitted.jobs] == [again.demands[0].job]
        assert admitted.group.items == (again.demands[0].job, first.group.items[1])

    async def test_many_of_the_same_batch_at_once_make_one_group(self, desk: Desk) -> None:
        asks = [desk.books.admit_all(bulk_of(desk, "a", "b")) for _ in range(8)]
        answers = await asyncio.gather(*asks)
        assert [answer.fresh for answer in answers].count(True) == 1
        assert len({answer.group.id for answer in answers}) == 1
        assert await held(desk) == 2 * PRICE

    @pytest.mark.parametrize("who", [TEAM_MATE, STRANGER, Caller(subject="user:never")])
    async def test_anothers_group_is_one_that_never_was(self, desk: Desk, who: Caller) -> None:
        bulk = bulk_of(desk, "a")
        await desk.books.admit_all(bulk)
        told = []
        for group in (bulk.group, "grp_never"):
            with pytest.raises(NotFound) as refused:
                await desk.jobs.group(who.subject, group)
            told.append(refused.value.public())
            with pytest.raises(NotFound) as refused:
                await desk.books.withdraw(who, group, WHENCE, NOON)
            told.append(refused.value.public())
        assert all(each == told[0] for each in told)
        assert await desk.books.missing(bulk_of(desk, "a", caller=who)) == (0,)


class AllOrNone:
    async def test_a_budget_holds_the_sum_or_nothing(self, desk: Desk) -> None:
        charges = (day(Level.SUBJECT, ME), day(Level.EVERYONE, "", 3 * PRICE - 1))
        bulk = bulk_of(desk, "a", "b", "c", charges=charges)
        with pytest.raises(BudgetExceeded) as refused:
            await desk.books.admit_all(bulk)
        assert refused.value.details["level"] == "everyone"
        assert await held(desk) == 0
        with pytest.raises(NotFound):
            await desk.jobs.group(ME, bulk.group)
        with pytest.raises(NotFound):
            await desk.jobs.get(ME, bulk.demands[0].job)
        enough = (day(Level.SUBJECT, ME), day(Level.EVERYONE, "", 3 * PRICE))
        await desk.books.admit_all(bulk_of(desk, "a", "b", "c", charges=enough))
        assert await held(desk) == 3 * PRICE

    async def test_batches_race_for_a_budget_and_none_is_split(self, desk: Desk) -> None:
        charges = (day(Level.SUBJECT, ME), day(Level.EVERYONE, "", 7 * PRICE))
        bulks = [
            bulk_of(desk, *(f"{number}-{place}" for place in range(3)), charges=charges)
            for number in range(5)
        ]
        asks = (desk.books.admit_all(bulk) for bulk in bulks)
        answers = await asyncio.gather(*asks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, BudgetExceeded)]
        assert len(refused) == 3
        assert await held(desk) == 6 * PRICE
        jobs = await desk.jobs.list(ME, open_only=True, limit=99, before=None)
        assert len(jobs) == 6

    async def test_batches_over_two_providers_never_stand_in_each_others_way(
        self, desk: Desk
    ) -> None:
        def crossed(number: int, caller: Caller) -> Bulk:
            made = bulk_of(desk, *(f"{number}-{place}" for place in range(4)), caller=caller)
            demands = tuple(
                replace(
                    demand,
                    plan=replace(demand.plan, provider=provider),
                    charges=(
                        day(Level.EVERYONE, ""),
                        day(Level.PROVIDER, provider),
                        day(Level.SUBJECT, caller.subject),
                    ),
                )
                for place, demand in enumerate(made.demands)
                for provider in (("x", "y")[(place + number) % 2],)
            )
            return replace(made, demands=demands)

        callers = (OWNER, TEAM_MATE, STRANGER)
        bulks = [crossed(number, callers[number % 3]) for number in range(9)]
        answers = await asyncio.gather(*(desk.books.admit_all(bulk) for bulk in bulks))
        assert all(answer.fresh for answer in answers)
        assert await held(desk) == 36 * PRICE

    async def test_a_free_batch_touches_no_account(self, desk: Desk) -> None:
        blocked = (day(Level.EVERYONE, "", 0),)
        bulk = bulk_of(desk, "a", "b", ceiling=0, charges=blocked, consent=Consent.FREE)
        assert len((await desk.books.admit_all(bulk)).jobs) == 2
        assert await held(desk) == 0


class OneConsent:
    async def test_one_quote_is_used_up_for_all_of_it_once(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b")
        await desk.books.offer(OWNER, bulk.quote, WHENCE, NOON)
        given = replace(bulk, given=bulk.quote.id)
        admitted = await desk.books.admit_all(given)
        assert admitted.group.quote == bulk.quote.id
        for _ in "ab":
            await desk.books.settle(verdict(await desk.run(), 0, state=State.FAILED))
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit_all(replace(given, group=desk.id(Kind.GROUP)))

    @pytest.mark.parametrize("ceiling", [PRICE, 2 * PRICE - 1])
    async def test_a_quote_for_less_opens_nothing(self, desk: Desk, ceiling: int) -> None:
        bulk = bulk_of(desk, "a", "b")
        await desk.books.offer(OWNER, replace(bulk.quote, ceiling=Nano(ceiling)), WHENCE, NOON)
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit_all(replace(bulk, given=bulk.quote.id))
        assert await held(desk) == 0

    async def test_a_quote_for_another_batch_opens_nothing(self, desk: Desk) -> None:
        quoted = bulk_of(desk, "a", "b")
        await desk.books.offer(OWNER, quoted.quote, WHENCE, NOON)
        other = replace(bulk_of(desk, "a", "c"), given=quoted.quote.id)
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit_all(other)
        single = desk.demand("a", given=quoted.quote.id)
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit(single)

    async def test_what_needs_nothing_new_leaves_the_quote_open(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b")
        await desk.books.offer(OWNER, bulk.quote, WHENCE, NOON)
        await desk.books.admit_all(bulk_of(desk, "a", "b"))
        given = replace(bulk, given=bulk.quote.id)
        assert not (await desk.books.admit_all(given)).fresh
        for _ in "ab":
            await desk.books.settle(verdict(await desk.run(), 0, state=State.FAILED))
        assert (await desk.books.admit_all(given)).fresh


class OnePlace:
    async def test_a_group_takes_one_place_of_those_that_wait(self, desk: Desk) -> None:
        room = Capacity(waiting=2)
        await desk.books.admit_all(bulk_of(desk, *"abcdef", capacity=room))
        await desk.admit("single", capacity=room)
        with pytest.raises(Busy):
            await desk.books.admit_all(bulk_of(desk, "x", "y", capacity=room))
        with pytest.raises(Busy):
            await desk.admit("another", capacity=room)
        assert (await desk.books.admit_all(bulk_of(desk, *"abc", capacity=room))).jobs == ()

    async def test_a_group_takes_one_place_of_the_queue(self, desk: Desk) -> None:
        room = Capacity(queued=2)
        await desk.books.admit_all(bulk_of(desk, *"abcdef", capacity=room))
        await desk.admit("single", caller=TEAM_MATE, capacity=room)
        with pytest.raises(Busy):
            await desk.admit("another", caller=STRANGER, capacity=room)

    async def test_its_jobs_run_within_the_subjects_limit(self, desk: Desk) -> None:
        await desk.books.admit_all(bulk_of(desk, *"abcdef"))
        assert [bool(await desk.claim()) for _ in range(3)] == [True, True, False]


class Withdrawing:
    async def test_what_waits_ends_and_what_runs_goes_on(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b", "c")
        await desk.books.admit_all(bulk)
        running = await desk.run()
        gone = await desk.books.withdraw(OWNER, bulk.group, WHENCE, NOON + SECOND)
        assert running.id == bulk.demands[0].job
        assert set(gone) == {demand.job for demand in bulk.demands[1:]}
        assert await held(desk) == PRICE
        _, jobs = await desk.jobs.group(ME, bulk.group)
        assert [job.state for job in jobs] == [State.RUNNING, State.CANCELED, State.CANCELED]
        assert not jobs[0].cancel
        assert await desk.books.withdraw(OWNER, bulk.group, WHENCE, NOON + SECOND) == ()

    async def test_what_another_ask_entered_is_left(self, desk: Desk) -> None:
        other = await desk.admit("b")
        bulk = bulk_of(desk, "a", "b")
        await desk.books.admit_all(bulk)
        gone = await desk.books.withdraw(OWNER, bulk.group, WHENCE, NOON)
        assert gone == (bulk.demands[0].job,)
        assert (await desk.jobs.get(ME, other.id)).state is State.QUEUED


class Images:
    async def test_the_images_of_several_jobs_come_by_job(self, desk: Desk) -> None:
        one, first = await desk.done("a")
        two, second = await desk.done("b")
        found = await desk.library.of_jobs(ME, (two.id, one.id, "job_never"))
        assert {image.id: image.job for image in found} == {first.id: one.id, second.id: two.id}
        assert await desk.library.of_jobs(STRANGER.subject, (one.id, two.id)) == ()
        assert await desk.library.of_jobs(ME, ()) == ()


class BatchesContract(Together, AllOrNone, OneConsent, OnePlace, Withdrawing, Images):
    pass
