"""What every keeper of the books promises. A suite gives the fixture `world`."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.budget import Account, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import BudgetExceeded, Busy, NotFound
from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.core.spending import Settled
from imagewright.ports.books import Balance, Capacity
from tests.contracts.consent import Confirmation
from tests.contracts.samples import (
    DAY,
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    World,
    day,
    made_from,
    verdict,
)

EVERYONE = Account(level=Level.EVERYONE, key="", period=DAY)
OWN = Account(level=Level.SUBJECT, key=OWNER.subject, period=DAY)


async def balance(world: World, account: Account = EVERYONE) -> tuple[int, int]:
    (found,) = await world.books.balances((account,))
    return found.held, found.settled


class Admission:
    async def test_a_new_ask_becomes_a_queued_job_that_keeps_its_caller(self, world: World) -> None:
        demand = world.demand()
        admitted = await world.books.admit(demand)
        job = admitted.job
        assert admitted.fresh
        assert job == await world.jobs.get(OWNER.subject, demand.job)
        assert (job.id, job.caller, job.state) == (demand.job, OWNER, State.QUEUED)
        assert job.digest == demand.plan.ask.digest()
        assert job.plan == demand.plan.canonical()
        assert (job.ceiling, job.actual, job.quote) == (PRICE, None, demand.quote.id)
        assert (job.attempt, job.created_at, job.started_at) == (0, NOON, None)
        assert (job.count, job.provider, job.model) == (1, "painter", "brush-1")

    async def test_a_credential_that_does_not_narrow_stays_so(self, world: World) -> None:
        assert (await world.admit(caller=STRANGER)).caller.credential.scopes is None
        none = replace(TEAM_MATE, credential=Credential(id="tok-2", scopes=frozenset()))
        assert (await world.admit(caller=none)).caller.credential.scopes == frozenset()

    async def test_the_ceiling_is_held_on_every_account(self, world: World) -> None:
        demand = world.demand()
        await world.books.admit(demand)
        accounts = tuple(charge.account for charge in demand.charges)
        assert await world.books.balances(accounts) == tuple(
            Balance(account=account, held=PRICE, settled=0) for account in accounts
        )

    async def test_the_accounts_of_two_subjects_are_two(self, world: World) -> None:
        await world.admit(caller=OWNER)
        await world.admit(caller=TEAM_MATE)
        assert await balance(world, OWN) == (PRICE, 0)
        assert await balance(world) == (2 * PRICE, 0)

    async def test_an_account_that_nobody_used_is_empty(self, world: World) -> None:
        never = Account(level=Level.SUBJECT, key="user:never", period=DAY)
        assert await balance(world, never) == (0, 0)

    async def test_a_free_ask_touches_no_account(self, world: World) -> None:
        blocked = (day(Level.EVERYONE, "", 0),)
        job = await world.admit(ceiling=0, charges=blocked, consent=Consent.FREE)
        assert job.ceiling == 0
        assert await balance(world) == (0, 0)

    @pytest.mark.parametrize("level", [Level.GROUP, Level.PROVIDER, Level.EVERYONE, Level.TOKEN])
    async def test_a_full_budget_is_named_and_nothing_is_entered(
        self, world: World, level: Level
    ) -> None:
        charges = (day(Level.SUBJECT, OWNER.subject), day(level, "some", PRICE * 2 - 1))
        await world.admit("first", charges=charges)
        demand = world.demand("second", charges=charges)
        with pytest.raises(BudgetExceeded) as raised:
            await world.books.admit(demand)
        details = raised.value.details
        assert (details["level"], details["period"]) == (level.value, DAY)
        assert (details["limit_usd"], details["used_usd"]) == ("0.079999999", "0.04")
        assert ("key" in details) == (level in {Level.GROUP, Level.PROVIDER})
        assert await balance(world, OWN) == (PRICE, 0)
        with pytest.raises(NotFound):
            await world.jobs.get(OWNER.subject, demand.job)

    async def test_a_budget_can_be_spent_to_the_last_nano_dollar(self, world: World) -> None:
        charges = (day(Level.EVERYONE, "", PRICE * 2),)
        await world.admit("first", charges=charges)
        await world.admit("second", charges=charges)
        with pytest.raises(BudgetExceeded):
            await world.admit("third", charges=charges, ceiling=1)

    async def test_what_is_settled_is_used_as_what_is_held(self, world: World) -> None:
        charges = (day(Level.EVERYONE, "", PRICE * 2),)
        await world.admit("first", charges=charges)
        await world.books.settle(verdict(await world.run(), PRICE))
        await world.admit("second", charges=charges)
        with pytest.raises(BudgetExceeded):
            await world.admit("third", charges=charges, ceiling=1)

    async def test_a_budget_of_nothing_admits_nothing_that_costs(self, world: World) -> None:
        with pytest.raises(BudgetExceeded) as raised:
            await world.admit(charges=(day(Level.EVERYONE, "", 0),), ceiling=1)
        assert raised.value.details["used_usd"] == "0.00"

    async def test_a_limit_lowered_below_what_is_used_has_no_room(self, world: World) -> None:
        await world.admit("first", charges=(day(Level.EVERYONE, "", PRICE),))
        with pytest.raises(BudgetExceeded):
            await world.admit("second", charges=(day(Level.EVERYONE, "", 1),), ceiling=1)

    async def test_64_at_once_against_a_budget_for_9_admit_9(self, world: World) -> None:
        charges = (day(Level.SUBJECT, OWNER.subject), day(Level.EVERYONE, "", PRICE * 9 + 1))
        room = Capacity(waiting=64)
        asks = [
            world.books.admit(world.demand(f"fox {n}", charges=charges, capacity=room))
            for n in range(64)
        ]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, BudgetExceeded)]
        assert len(refused) == 64 - 9
        assert len(await world.jobs.list(OWNER.subject, open_only=True, limit=99, before=None)) == 9
        assert await balance(world) == (PRICE * 9, 0)
        assert await balance(world, OWN) == (PRICE * 9, 0)


class SameAsk:
    async def test_the_same_ask_joins_the_open_job_at_no_cost(self, world: World) -> None:
        first = await world.books.admit(world.demand())
        again = await world.books.admit(world.demand())
        assert (first.fresh, again.fresh) == (True, False)
        assert again.job == first.job
        assert await balance(world) == (PRICE, 0)

    async def test_joining_uses_up_no_consent(self, world: World) -> None:
        await world.admit()
        demand = world.demand()
        await world.books.offer(OWNER, demand.quote, WHENCE, NOON)
        demand = replace(demand, given=demand.quote.id)
        assert not (await world.books.admit(demand)).fresh
        job = await world.run()
        await world.books.settle(verdict(job, 0, state=State.FAILED))
        assert (await world.books.admit(demand)).fresh

    async def test_another_subject_never_joins(self, world: World) -> None:
        await world.admit()
        assert (await world.books.admit(world.demand(caller=TEAM_MATE))).fresh

    async def test_many_of_the_same_ask_at_once_make_one_job(self, world: World) -> None:
        answers = await asyncio.gather(*(world.books.admit(world.demand()) for _ in range(20)))
        assert [answer.fresh for answer in answers].count(True) == 1
        assert len({answer.job.id for answer in answers}) == 1
        assert await balance(world) == (PRICE, 0)

    async def test_an_ask_of_unknown_outcome_is_not_bought_again(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        assert await world.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        again = await world.books.admit(world.demand())
        assert (again.fresh, again.job.state) == (False, State.OUTCOME_UNKNOWN)

    @pytest.mark.parametrize("since", [NOON, NOON + 5 * SECOND])
    async def test_a_recent_success_answers(self, world: World, since: int) -> None:
        job, _image = await world.done()
        found = await world.books.admit(world.demand(reuse_since=since))
        assert (found.fresh, found.job) == (False, job)

    @pytest.mark.parametrize("since", [None, NOON + 5 * SECOND + 1])
    async def test_an_old_success_does_not(self, world: World, since: int | None) -> None:
        await world.done()
        assert (await world.books.admit(world.demand(reuse_since=since))).fresh

    async def test_a_success_whose_images_are_gone_does_not(self, world: World) -> None:
        _job, image = await world.done()
        await world.library.delete(OWNER.subject, image.id, derived=False)
        assert (await world.books.admit(world.demand(reuse_since=0))).fresh

    async def test_a_failure_does_not(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        await world.books.settle(verdict(job, 0, state=State.FAILED))
        assert (await world.books.admit(world.demand(reuse_since=0))).fresh

    async def test_find_tells_what_admit_would(self, world: World) -> None:
        demand = world.demand(reuse_since=0)
        assert await world.books.find(demand) is None
        job, _image = await world.done()
        assert await world.books.find(demand) == job
        assert await world.books.find(world.demand("other", reuse_since=0)) is None
        assert await world.books.find(replace(demand, caller=STRANGER)) is None


class Room:
    async def test_a_subject_waits_with_no_more_than_its_share(self, world: World) -> None:
        room = Capacity(waiting=2)
        await world.admit("first", capacity=room)
        await world.admit("second", capacity=room)
        with pytest.raises(Busy) as raised:
            await world.admit("third", capacity=room)
        assert raised.value.details["retry_after"] == 5
        assert await balance(world) == (2 * PRICE, 0)
        await world.admit("third", caller=TEAM_MATE, capacity=room)
        await world.run()
        await world.admit("third", capacity=room)

    async def test_the_queue_has_an_end(self, world: World) -> None:
        room = Capacity(queued=2)
        await world.admit("first", capacity=room)
        await world.admit("first", caller=TEAM_MATE, capacity=room)
        with pytest.raises(Busy):
            await world.admit("first", caller=STRANGER, capacity=room)

    async def test_a_subject_racing_itself_keeps_its_share(self, world: World) -> None:
        asks = [world.books.admit(world.demand(f"fox {n}")) for n in range(30)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert sum(isinstance(answer, Busy) for answer in answers) == 30 - Capacity().waiting


class Settlement:
    async def test_the_reported_cost_is_settled_and_the_rest_released(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        image = world.image(job.id)
        assert await world.books.settle(
            verdict(job, PRICE // 4, images=(image,), outcome='{"a":1}')
        )
        ended = await world.jobs.get(OWNER.subject, job.id)
        assert (ended.state, ended.actual) == (State.SUCCEEDED, PRICE // 4)
        assert (ended.finished_at, ended.outcome) == (NOON + 5 * SECOND, '{"a":1}')
        assert await balance(world) == (0, PRICE // 4)
        assert await balance(world, OWN) == (0, PRICE // 4)
        assert await world.library.of_job(OWNER.subject, job.id) == (image,)

    async def test_settling_to_nothing_releases(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        error = {"error_code": "provider_busy", "error_sentence": "It was\x00 busy."}
        assert await world.books.settle(verdict(job, 0, state=State.FAILED, **error))
        ended = await world.jobs.get(OWNER.subject, job.id)
        assert (ended.state, ended.actual, ended.error_code) == (State.FAILED, 0, "provider_busy")
        assert ended.error_sentence == "It was\ufffd busy."
        assert await balance(world) == (0, 0)

    async def test_an_unknown_outcome_keeps_the_hold(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        assert await world.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        assert (await world.jobs.get(OWNER.subject, job.id)).actual is None
        assert await balance(world) == (PRICE, 0)

    async def test_a_disputed_report_settles_the_ceiling(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        settled = Settled(amount=PRICE, disputed=Nano(PRICE * 3))
        assert await world.books.settle(verdict(job, settled=settled))
        assert await balance(world) == (0, PRICE)

    async def test_a_free_job_settles(self, world: World) -> None:
        await world.admit(ceiling=0)
        job = await world.run()
        assert await world.books.settle(verdict(job, 0))
        assert await balance(world) == (0, 0)

    async def test_the_hold_leaves_the_accounts_it_was_made_on(self, world: World) -> None:
        await world.admit(charges=(day(Level.GROUP, "design"),))
        job = await world.run()
        tomorrow = NOON + 24 * 3600 * SECOND
        assert await world.books.settle(verdict(job, at=tomorrow))
        assert await balance(world, Account(level=Level.GROUP, key="design", period=DAY)) == (
            0,
            PRICE,
        )

    async def test_a_job_settles_once(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        answers = await asyncio.gather(*(world.books.settle(verdict(job)) for _ in range(5)))
        assert sorted(answers) == [False] * 4 + [True]
        assert await balance(world) == (0, PRICE)

    @pytest.mark.parametrize("change", [{"owner": "worker-2"}, {"attempt": 2}, {"job": "job_x"}])
    async def test_only_the_attempt_that_runs_settles(
        self, world: World, change: dict[str, object]
    ) -> None:
        await world.admit()
        job = await world.run()
        image = world.image(job.id)
        assert not await world.books.settle(replace(verdict(job, images=(image,)), **change))  # type: ignore[arg-type]
        assert await balance(world) == (PRICE, 0)
        with pytest.raises(NotFound):
            await world.library.get(OWNER.subject, image.id)

    async def test_lineage_and_tags_are_entered_with_the_images(self, world: World) -> None:
        _job, parent = await world.done()
        await world.admit("edit it")
        job = await world.run()
        images = tuple(
            world.image(job.id, index=place, tags=("b", "a"), parents=made_from(parent))
            for place in range(2)
        )
        assert await world.books.settle(verdict(job, images=images))
        assert await world.library.of_job(OWNER.subject, job.id) == images

    async def test_a_vendors_odd_text_loses_no_picture(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        image = world.image(job.id, revised_prompt="half \ud800 and nul \x00")
        assert await world.books.settle(verdict(job, images=(image,)))
        kept = await world.library.get(OWNER.subject, image.id)
        assert kept.revised_prompt == "half ? and nul \ufffd"


class Cancellation:
    async def test_a_queued_job_ends_and_its_hold_with_it(self, world: World) -> None:
        job = await world.admit()
        ended = await world.books.cancel(OWNER, job.id, WHENCE, NOON + SECOND)
        assert (ended.state, ended.actual) == (State.CANCELED, 0)
        assert (ended.finished_at, ended.error_code) == (NOON + SECOND, "canceled")
        assert ended == await world.jobs.get(OWNER.subject, job.id)
        assert await balance(world) == (0, 0)
        assert (await world.books.admit(world.demand())).fresh

    async def test_a_running_job_is_asked_to_stop(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        asked = await world.books.cancel(OWNER, job.id, WHENCE, NOON)
        assert (asked.state, asked.cancel) == (State.RUNNING, True)
        assert await balance(world) == (PRICE, 0)
        assert await world.books.settle(verdict(job, 0, state=State.CANCELED))
        assert await balance(world) == (0, 0)

    async def test_an_ended_job_is_left_as_it_is(self, world: World) -> None:
        job, _image = await world.done()
        assert await world.books.cancel(OWNER, job.id, WHENCE, NOON) == job
        assert await balance(world) == (0, PRICE)

    @pytest.mark.parametrize("caller", [TEAM_MATE, STRANGER, Caller(subject="local")])
    async def test_anothers_job_is_not_found(self, world: World, caller: Caller) -> None:
        job = await world.admit()
        with pytest.raises(NotFound) as other:
            await world.books.cancel(caller, job.id, WHENCE, NOON)
        with pytest.raises(NotFound) as never:
            await world.books.cancel(caller, "job_never", WHENCE, NOON)
        assert other.value.public() == never.value.public()
        assert await balance(world) == (PRICE, 0)

    async def test_racing_its_claim_it_ends_in_one_way(self, world: World) -> None:
        for place in range(5):
            job = await world.admit(f"fox {place}")
            _asked, claimed = await asyncio.gather(
                world.books.cancel(OWNER, job.id, WHENCE, NOON), world.claim()
            )
            now = await world.jobs.get(OWNER.subject, job.id)
            if claimed is None:
                assert now.state is State.CANCELED
            else:
                assert (now.state, now.cancel) == (State.RUNNING, True)
                assert await world.books.settle(verdict(claimed, 0, state=State.CANCELED))
        assert await balance(world) == (0, 0)


class BooksContract(Admission, SameAsk, Confirmation, Room, Settlement, Cancellation):
    async def test_ping_says_nothing_while_all_is_well(self, world: World) -> None:
        await world.books.ping()
