"""What every keeper of the books promises. A suite gives the fixture `desk`."""

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
    Desk,
    day,
    made_from,
    verdict,
)

EVERYONE = Account(level=Level.EVERYONE, key="", period=DAY)
OWN = Account(level=Level.SUBJECT, key=OWNER.subject, period=DAY)


async def balance(desk: Desk, account: Account = EVERYONE) -> tuple[int, int]:
    (found,) = await desk.books.balances((account,))
    return found.held, found.settled


class Admission:
    async def test_a_new_ask_becomes_a_queued_job_that_keeps_its_caller(self, desk: Desk) -> None:
        demand = desk.demand()
        admitted = await desk.books.admit(demand)
        job = admitted.job
        assert admitted.fresh
        assert job == await desk.jobs.get(OWNER.subject, demand.job)
        assert (job.id, job.caller, job.state) == (demand.job, OWNER, State.QUEUED)
        assert job.digest == demand.plan.ask.digest()
        assert job.plan == demand.plan.canonical()
        assert (job.ceiling, job.actual, job.quote) == (PRICE, None, demand.quote.id)
        assert (job.attempt, job.created_at, job.started_at) == (0, NOON, None)
        assert (job.count, job.provider, job.model) == (1, "painter", "brush-1")

    async def test_a_credential_that_does_not_narrow_stays_so(self, desk: Desk) -> None:
        assert (await desk.admit(caller=STRANGER)).caller.credential.scopes is None
        none = replace(TEAM_MATE, credential=Credential(id="tok-2", scopes=frozenset()))
        assert (await desk.admit(caller=none)).caller.credential.scopes == frozenset()

    async def test_the_ceiling_is_held_on_every_account(self, desk: Desk) -> None:
        demand = desk.demand()
        await desk.books.admit(demand)
        accounts = tuple(charge.account for charge in demand.charges)
        assert await desk.books.balances(accounts) == tuple(
            Balance(account=account, held=PRICE, settled=0) for account in accounts
        )

    async def test_the_accounts_of_two_subjects_are_two(self, desk: Desk) -> None:
        await desk.admit(caller=OWNER)
        await desk.admit(caller=TEAM_MATE)
        assert await balance(desk, OWN) == (PRICE, 0)
        assert await balance(desk) == (2 * PRICE, 0)

    async def test_an_account_that_nobody_used_is_empty(self, desk: Desk) -> None:
        never = Account(level=Level.SUBJECT, key="user:never", period=DAY)
        assert await balance(desk, never) == (0, 0)

    async def test_a_free_ask_touches_no_account(self, desk: Desk) -> None:
        blocked = (day(Level.EVERYONE, "", 0),)
        job = await desk.admit(ceiling=0, charges=blocked, consent=Consent.FREE)
        assert job.ceiling == 0
        assert await balance(desk) == (0, 0)

    @pytest.mark.parametrize("level", [Level.GROUP, Level.PROVIDER, Level.EVERYONE, Level.TOKEN])
    async def test_a_full_budget_is_named_and_nothing_is_entered(
        self, desk: Desk, level: Level
    ) -> None:
        charges = (day(Level.SUBJECT, OWNER.subject), day(level, "some", PRICE * 2 - 1))
        await desk.admit("first", charges=charges)
        demand = desk.demand("second", charges=charges)
        with pytest.raises(BudgetExceeded) as raised:
            await desk.books.admit(demand)
        details = raised.value.details
        assert (details["level"], details["period"]) == (level.value, DAY)
        assert (details["limit_usd"], details["used_usd"]) == ("0.079999999", "0.04")
        assert ("key" in details) == (level in {Level.GROUP, Level.PROVIDER})
        assert await balance(desk, OWN) == (PRICE, 0)
        with pytest.raises(NotFound):
            await desk.jobs.get(OWNER.subject, demand.job)

    async def test_a_budget_can_be_spent_to_the_last_nano_dollar(self, desk: Desk) -> None:
        charges = (day(Level.EVERYONE, "", PRICE * 2),)
        await desk.admit("first", charges=charges)
        await desk.admit("second", charges=charges)
        with pytest.raises(BudgetExceeded):
            await desk.admit("third", charges=charges, ceiling=1)

    async def test_what_is_settled_is_used_as_what_is_held(self, desk: Desk) -> None:
        charges = (day(Level.EVERYONE, "", PRICE * 2),)
        await desk.admit("first", charges=charges)
        await desk.books.settle(verdict(await desk.run(), PRICE))
        await desk.admit("second", charges=charges)
        with pytest.raises(BudgetExceeded):
            await desk.admit("third", charges=charges, ceiling=1)

    async def test_a_budget_of_nothing_admits_nothing_that_costs(self, desk: Desk) -> None:
        with pytest.raises(BudgetExceeded) as raised:
            await desk.admit(charges=(day(Level.EVERYONE, "", 0),), ceiling=1)
        assert raised.value.details["used_usd"] == "0.00"

    async def test_a_limit_lowered_below_what_is_used_has_no_room(self, desk: Desk) -> None:
        await desk.admit("first", charges=(day(Level.EVERYONE, "", PRICE),))
        with pytest.raises(BudgetExceeded):
            await desk.admit("second", charges=(day(Level.EVERYONE, "", 1),), ceiling=1)

    async def test_64_at_once_against_a_budget_for_9_admit_9(self, desk: Desk) -> None:
        charges = (day(Level.SUBJECT, OWNER.subject), day(Level.EVERYONE, "", PRICE * 9 + 1))
        room = Capacity(waiting=64)
        asks = [
            desk.books.admit(desk.demand(f"fox {n}", charges=charges, capacity=room))
            for n in range(64)
        ]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, BudgetExceeded)]
        assert len(refused) == 64 - 9
        assert len(await desk.jobs.list(OWNER.subject, open_only=True, limit=99, before=None)) == 9
        assert await balance(desk) == (PRICE * 9, 0)
        assert await balance(desk, OWN) == (PRICE * 9, 0)


class SameAsk:
    async def test_the_same_ask_joins_the_open_job_at_no_cost(self, desk: Desk) -> None:
        first = await desk.books.admit(desk.demand())
        again = await desk.books.admit(desk.demand())
        assert (first.fresh, again.fresh) == (True, False)
        assert again.job == first.job
        assert await balance(desk) == (PRICE, 0)

    async def test_joining_uses_up_no_consent(self, desk: Desk) -> None:
        await desk.admit()
        demand = desk.demand()
        await desk.books.offer(OWNER, demand.quote, WHENCE, NOON)
        demand = replace(demand, given=demand.quote.id)
        assert not (await desk.books.admit(demand)).fresh
        job = await desk.run()
        await desk.books.settle(verdict(job, 0, state=State.FAILED))
        assert (await desk.books.admit(demand)).fresh

    async def test_another_subject_never_joins(self, desk: Desk) -> None:
        await desk.admit()
        assert (await desk.books.admit(desk.demand(caller=TEAM_MATE))).fresh

    async def test_many_of_the_same_ask_at_once_make_one_job(self, desk: Desk) -> None:
        answers = await asyncio.gather(*(desk.books.admit(desk.demand()) for _ in range(20)))
        assert [answer.fresh for answer in answers].count(True) == 1
        assert len({answer.job.id for answer in answers}) == 1
        assert await balance(desk) == (PRICE, 0)

    async def test_an_ask_of_unknown_outcome_is_not_bought_again(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        assert await desk.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        again = await desk.books.admit(desk.demand())
        assert (again.fresh, again.job.state) == (False, State.OUTCOME_UNKNOWN)

    @pytest.mark.parametrize("since", [NOON, NOON + 5 * SECOND])
    async def test_a_recent_success_answers(self, desk: Desk, since: int) -> None:
        job, _image = await desk.done()
        found = await desk.books.admit(desk.demand(reuse_since=since))
        assert (found.fresh, found.job) == (False, job)

    @pytest.mark.parametrize("since", [None, NOON + 5 * SECOND + 1])
    async def test_an_old_success_does_not(self, desk: Desk, since: int | None) -> None:
        await desk.done()
        assert (await desk.books.admit(desk.demand(reuse_since=since))).fresh

    async def test_a_success_whose_images_are_gone_does_not(self, desk: Desk) -> None:
        _job, image = await desk.done()
        await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False)
        assert (await desk.books.admit(desk.demand(reuse_since=0))).fresh

    async def test_a_failure_does_not(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.books.settle(verdict(job, 0, state=State.FAILED))
        assert (await desk.books.admit(desk.demand(reuse_since=0))).fresh

    async def test_find_tells_what_admit_would(self, desk: Desk) -> None:
        demand = desk.demand(reuse_since=0)
        assert await desk.books.find(demand) is None
        job, _image = await desk.done()
        assert await desk.books.find(demand) == job
        assert await desk.books.find(desk.demand("other", reuse_since=0)) is None
        assert await desk.books.find(replace(demand, caller=STRANGER)) is None


class Room:
    async def test_a_subject_waits_with_no_more_than_its_share(self, desk: Desk) -> None:
        room = Capacity(waiting=2)
        await desk.admit("first", capacity=room)
        await desk.admit("second", capacity=room)
        with pytest.raises(Busy) as raised:
            await desk.admit("third", capacity=room)
        assert raised.value.details["retry_after"] == 5
        assert await balance(desk) == (2 * PRICE, 0)
        await desk.admit("third", caller=TEAM_MATE, capacity=room)
        await desk.run()
        await desk.admit("third", capacity=room)

    async def test_the_queue_has_an_end(self, desk: Desk) -> None:
        room = Capacity(queued=2)
        await desk.admit("first", capacity=room)
        await desk.admit("first", caller=TEAM_MATE, capacity=room)
        with pytest.raises(Busy):
            await desk.admit("first", caller=STRANGER, capacity=room)

    async def test_a_subject_racing_itself_keeps_its_share(self, desk: Desk) -> None:
        asks = [desk.books.admit(desk.demand(f"fox {n}")) for n in range(30)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert sum(isinstance(answer, Busy) for answer in answers) == 30 - Capacity().waiting


class Settlement:
    async def test_the_reported_cost_is_settled_and_the_rest_released(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        image = desk.image(job.id)
        assert await desk.books.settle(verdict(job, PRICE // 4, images=(image,), outcome='{"a":1}'))
        ended = await desk.jobs.get(OWNER.subject, job.id)
        assert (ended.state, ended.actual) == (State.SUCCEEDED, PRICE // 4)
        assert (ended.finished_at, ended.outcome) == (NOON + 5 * SECOND, '{"a":1}')
        assert await balance(desk) == (0, PRICE // 4)
        assert await balance(desk, OWN) == (0, PRICE // 4)
        assert await desk.library.of_job(OWNER.subject, job.id) == (image,)

    async def test_settling_to_nothing_releases(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        error = {"error_code": "provider_busy", "error_sentence": "It was\x00 busy."}
        assert await desk.books.settle(verdict(job, 0, state=State.FAILED, **error))
        ended = await desk.jobs.get(OWNER.subject, job.id)
        assert (ended.state, ended.actual, ended.error_code) == (State.FAILED, 0, "provider_busy")
        assert ended.error_sentence == "It was\ufffd busy."
        assert await balance(desk) == (0, 0)

    async def test_an_unknown_outcome_keeps_the_hold(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        assert await desk.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        assert (await desk.jobs.get(OWNER.subject, job.id)).actual is None
        assert await balance(desk) == (PRICE, 0)

    async def test_a_disputed_report_settles_the_ceiling(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        settled = Settled(amount=PRICE, disputed=Nano(PRICE * 3))
        assert await desk.books.settle(verdict(job, settled=settled))
        assert await balance(desk) == (0, PRICE)

    async def test_a_free_job_settles(self, desk: Desk) -> None:
        await desk.admit(ceiling=0)
        job = await desk.run()
        assert await desk.books.settle(verdict(job, 0))
        assert await balance(desk) == (0, 0)

    async def test_the_hold_leaves_the_accounts_it_was_made_on(self, desk: Desk) -> None:
        await desk.admit(charges=(day(Level.GROUP, "design"),))
        job = await desk.run()
        tomorrow = NOON + 24 * 3600 * SECOND
        assert await desk.books.settle(verdict(job, at=tomorrow))
        assert await balance(desk, Account(level=Level.GROUP, key="design", period=DAY)) == (
            0,
            PRICE,
        )

    async def test_of_the_providers_only_the_one_that_made_it_is_paid(self, desk: Desk) -> None:
        painter, carver = (day(Level.PROVIDER, name) for name in ("painter", "carver"))
        await desk.admit(charges=(carver, painter))
        job = await desk.run()
        assert await balance(desk, carver.account) == await balance(desk, painter.account)
        outcome = '{"provider": "carver", "model": "knife"}'
        assert await desk.books.settle(verdict(job, PRICE // 2, outcome=outcome))
        assert await balance(desk, painter.account) == (0, 0)
        assert await balance(desk, carver.account) == (0, PRICE // 2)

    async def test_the_first_provider_is_paid_where_no_other_is_named(self, desk: Desk) -> None:
        painter, carver = (day(Level.PROVIDER, name) for name in ("painter", "carver"))
        await desk.admit(charges=(carver, painter))
        assert await desk.books.settle(verdict(await desk.run()))
        assert await balance(desk, carver.account) == (0, 0)
        assert await balance(desk, painter.account) == (0, PRICE)

    async def test_a_job_settles_once(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        answers = await asyncio.gather(*(desk.books.settle(verdict(job)) for _ in range(5)))
        assert sorted(answers) == [False] * 4 + [True]
        assert await balance(desk) == (0, PRICE)

    @pytest.mark.parametrize("change", [{"owner": "worker-2"}, {"attempt": 2}, {"job": "job_x"}])
    async def test_only_the_attempt_that_runs_settles(
        self, desk: Desk, change: dict[str, object]
    ) -> None:
        await desk.admit()
        job = await desk.run()
        image = desk.image(job.id)
        other = replace(verdict(job, images=(image,)), **change)  # type: ignore[arg-type]  # parametrised
        assert not await desk.books.settle(other)
        assert await balance(desk) == (PRICE, 0)
        with pytest.raises(NotFound):
            await desk.library.get(OWNER.subject, image.id)

    async def test_lineage_and_tags_are_entered_with_the_images(self, desk: Desk) -> None:
        _job, parent = await desk.done()
        await desk.admit("edit it")
        job = await desk.run()
        images = tuple(
            desk.image(job.id, index=place, tags=("b", "a"), parents=made_from(parent))
            for place in range(2)
        )
        assert await desk.books.settle(verdict(job, images=images))
        assert await desk.library.of_job(OWNER.subject, job.id) == images

    async def test_a_vendors_odd_text_loses_no_picture(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        image = desk.image(job.id, revised_prompt="half \ud800 and nul \x00")
        assert await desk.books.settle(verdict(job, images=(image,)))
        kept = await desk.library.get(OWNER.subject, image.id)
        assert kept.revised_prompt == "half ? and nul \ufffd"


class Cancellation:
    async def test_a_queued_job_ends_and_its_hold_with_it(self, desk: Desk) -> None:
        job = await desk.admit()
        ended = await desk.books.cancel(OWNER, job.id, WHENCE, NOON + SECOND)
        assert (ended.state, ended.actual) == (State.CANCELED, 0)
        assert (ended.finished_at, ended.error_code) == (NOON + SECOND, "canceled")
        assert ended == await desk.jobs.get(OWNER.subject, job.id)
        assert await balance(desk) == (0, 0)
        assert (await desk.books.admit(desk.demand())).fresh

    async def test_a_running_job_is_asked_to_stop(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        asked = await desk.books.cancel(OWNER, job.id, WHENCE, NOON)
        assert (asked.state, asked.cancel) == (State.RUNNING, True)
        assert await balance(desk) == (PRICE, 0)
        assert await desk.books.settle(verdict(job, 0, state=State.CANCELED))
        assert await balance(desk) == (0, 0)

    async def test_an_ended_job_is_left_as_it_is(self, desk: Desk) -> None:
        job, _image = await desk.done()
        assert await desk.books.cancel(OWNER, job.id, WHENCE, NOON) == job
        assert await balance(desk) == (0, PRICE)

    @pytest.mark.parametrize("caller", [TEAM_MATE, STRANGER, Caller(subject="local")])
    async def test_anothers_job_is_not_found(self, desk: Desk, caller: Caller) -> None:
        job = await desk.admit()
        with pytest.raises(NotFound) as other:
            await desk.books.cancel(caller, job.id, WHENCE, NOON)
        with pytest.raises(NotFound) as never:
            await desk.books.cancel(caller, "job_never", WHENCE, NOON)
        assert other.value.public() == never.value.public()
        assert await balance(desk) == (PRICE, 0)

    async def test_racing_its_claim_it_ends_in_one_way(self, desk: Desk) -> None:
        for place in range(5):
            job = await desk.admit(f"fox {place}")
            _asked, claimed = await asyncio.gather(
                desk.books.cancel(OWNER, job.id, WHENCE, NOON), desk.claim()
            )
            now = await desk.jobs.get(OWNER.subject, job.id)
            if claimed is None:
                assert now.state is State.CANCELED
            else:
                assert (now.state, now.cancel) == (State.RUNNING, True)
                assert await desk.books.settle(verdict(claimed, 0, state=State.CANCELED))
        assert await balance(desk) == (0, 0)


class BooksContract(Admission, SameAsk, Confirmation, Room, Settlement, Cancellation):
    async def test_ping_says_nothing_while_all_is_well(self, desk: Desk) -> None:
        await desk.books.ping()
