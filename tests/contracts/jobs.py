"""What every jobs table promises. A suite gives the fixture `desk`."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.errors import NotFound
from imagewright.core.job import Job, State
from imagewright.ports.jobs import Lease, Recovered
from tests.contracts.books import EVERYONE, balance
from tests.contracts.samples import (
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    Desk,
    verdict,
)


class Claiming:
    async def test_a_claim_takes_the_job_for_its_owner(self, desk: Desk) -> None:
        job = await desk.admit()
        claimed = await desk.claim()
        assert claimed is not None
        assert (claimed.id, claimed.caller) == (job.id, OWNER)
        assert (claimed.state, claimed.attempt, claimed.started_at) == (State.RUNNING, 1, None)
        assert claimed == await desk.jobs.get(OWNER.subject, job.id)
        assert await desk.claim() is None

    async def test_one_subjects_jobs_are_taken_oldest_first(self, desk: Desk) -> None:
        later = await desk.admit("later", now=NOON + 2)
        first = await desk.admit("first", now=NOON)
        assert [job.id for job in (await desk.run(), await desk.run())] == [first.id, later.id]

    async def test_who_runs_least_comes_first(self, desk: Desk) -> None:
        for place in range(3):
            await desk.admit(f"fox {place}", now=NOON + place)
        theirs = await desk.admit(caller=TEAM_MATE, now=NOON + 9)
        assert (await desk.run()).caller == OWNER
        assert (await desk.run()).id == theirs.id
        assert (await desk.run()).caller == OWNER

    async def test_a_subject_runs_no_more_than_its_share(self, desk: Desk) -> None:
        for place in range(3):
            await desk.admit(f"fox {place}")
        first = await desk.run()
        await desk.run()
        assert await desk.claim() is None
        await desk.books.settle(verdict(first))
        assert await desk.claim() is not None

    async def test_a_full_subject_does_not_block_another(self, desk: Desk) -> None:
        for place in range(3):
            await desk.admit(f"fox {place}")
        await desk.run()
        await desk.run()
        theirs = await desk.admit(caller=STRANGER, now=NOON + 9)
        assert (await desk.run()).id == theirs.id

    async def test_many_workers_never_take_one_job_twice(self, desk: Desk) -> None:
        for caller in (OWNER, TEAM_MATE, STRANGER):
            for place in range(4):
                await desk.admit(f"fox {place}", caller)
        claims = await asyncio.gather(*(desk.claim(f"worker-{n}") for n in range(24)))
        taken = [job.id for job in claims if job is not None]
        assert len(taken) == len(set(taken)) == 6
        assert (await desk.jobs.counts())["running"] == 6


class Running:
    async def test_started_is_marked_once_claimed(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.claim()
        assert job is not None
        assert await desk.jobs.start(job, "worker-1", NOON + 7)
        assert (await desk.jobs.get(OWNER.subject, job.id)).started_at == NOON + 7

    async def test_only_the_owner_starts(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.claim()
        assert job is not None
        assert not await desk.jobs.start(job, "worker-2", NOON)

    async def test_one_that_was_asked_to_stop_does_not_start(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.claim()
        assert job is not None
        await desk.books.cancel(OWNER, job.id, WHENCE, NOON)
        assert not await desk.jobs.start(job, "worker-1", NOON)

    async def test_an_attempt_that_was_lost_does_not_start(self, desk: Desk) -> None:
        await desk.admit()
        lost = await desk.claim()
        assert lost is not None
        await desk.jobs.recover(NOON, sole=True)
        again = await desk.claim()
        assert again is not None
        assert again.attempt == 2
        assert not await desk.jobs.start(lost, "worker-1", NOON)
        assert await desk.jobs.start(again, "worker-1", NOON)

    async def test_renewing_tells_who_was_asked_to_stop(self, desk: Desk) -> None:
        for place in range(2):
            await desk.admit(f"fox {place}")
        stopping, _other = await desk.run(), await desk.run()
        lease = Lease(owner="worker-1", until=NOON + 500 * SECOND)
        assert await desk.jobs.renew(lease) == frozenset()
        await desk.books.cancel(OWNER, stopping.id, WHENCE, NOON)
        assert await desk.jobs.renew(lease) == {stopping.id}
        assert await desk.jobs.renew(Lease(owner="worker-2", until=NOON)) == frozenset()
        recovered = await desk.jobs.recover(NOON + 499 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(), unknown=())

    async def test_progress_is_kept_of_the_attempt_that_runs(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.jobs.report(job, "partial 1", 1, 3)
        seen = await desk.jobs.get(OWNER.subject, job.id)
        assert (seen.stage, seen.done, seen.total) == ("partial 1", 1, 3)
        await desk.books.settle(verdict(job))
        await desk.jobs.report(job, "late", 3, 3)
        assert (await desk.jobs.get(OWNER.subject, job.id)).stage != "late"


class Recovery:
    async def test_what_was_not_started_is_queued_again(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.claim()
        assert job is not None
        recovered = await desk.jobs.recover(NOON + 61 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(job.id,), unknown=())
        assert (await desk.jobs.get(OWNER.subject, job.id)).state is State.QUEUED

    async def test_what_was_started_is_of_unknown_outcome(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        recovered = await desk.jobs.recover(NOON + 61 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(), unknown=(job.id,))
        ended = await desk.jobs.get(OWNER.subject, job.id)
        assert (ended.state, ended.error_code) == (State.OUTCOME_UNKNOWN, "outcome_unknown")
        assert (ended.finished_at, ended.actual) == (NOON + 61 * SECOND, None)
        assert not await desk.books.settle(verdict(job))

    async def test_what_was_started_and_costs_nothing_is_queued_again(self, desk: Desk) -> None:
        await desk.admit(ceiling=0)
        job = await desk.run()
        recovered = await desk.jobs.recover(NOON + 61 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(job.id,), unknown=())

    async def test_a_lease_that_holds_is_left_alone(self, desk: Desk) -> None:
        await desk.admit()
        await desk.run()
        nothing = Recovered(requeued=(), unknown=())
        assert await desk.jobs.recover(NOON + 60 * SECOND, sole=False) == nothing

    async def test_a_sole_process_takes_back_everything(self, desk: Desk) -> None:
        await desk.admit("first")
        await desk.admit("second")
        started, claimed = await desk.run(), await desk.claim()
        assert claimed is not None
        recovered = await desk.jobs.recover(NOON, sole=True)
        assert recovered == Recovered(requeued=(claimed.id,), unknown=(started.id,))


class Tracking:
    """Of orders that a vendor has taken."""

    async def test_what_is_entered_is_the_attempts_own(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.jobs.track(job, "order-1")
        assert (await desk.jobs.get(OWNER.subject, job.id)).request == "order-1"
        await desk.jobs.track(replace(job, attempt=9), "order-2")
        assert (await desk.jobs.get(OWNER.subject, job.id)).request == "order-1"
        await desk.jobs.track(job, None)
        assert (await desk.jobs.get(OWNER.subject, job.id)).request is None

    async def test_a_lost_one_is_put_aside_and_taken_again(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.jobs.track(job, "order-1")
        recovered = await desk.jobs.recover(NOON + 61 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(), unknown=(), aside=(job.id,))
        assert await desk.claim(now=NOON + 60 * SECOND) is None
        again = await desk.claim("worker-2", NOON + 61 * SECOND)
        assert again is not None
        assert (again.id, again.caller, again.attempt) == (job.id, OWNER, 2)
        assert (again.request, again.started_at) == ("order-1", NOON + SECOND)
        assert not await desk.books.settle(verdict(job))
        assert await desk.books.settle(verdict(again, owner="worker-2"))

    @pytest.mark.parametrize("start", [False, True])
    async def test_it_stays_aside_however_often_it_is_lost(self, desk: Desk, start: bool) -> None:
        await desk.admit(ceiling=0 if start else PRICE)
        job = await desk.run()
        await desk.jobs.track(job, "order-1")
        for _ in range(3):
            assert (await desk.jobs.recover(NOON, sole=True)).aside == (job.id,)
            assert await desk.jobs.recover(NOON, sole=True) == Recovered(requeued=(), unknown=())
            again = await desk.claim()
            assert again is not None
            assert not start or await desk.jobs.start(again, "worker-1", NOON)

    async def test_it_waits_in_nobodys_place_until_it_is_due(self, desk: Desk) -> None:
        for place in range(3):
            await desk.admit(f"fox {place}")
        first, _second = await desk.run(), await desk.run()
        assert await desk.claim() is None
        due = NOON + 30 * SECOND
        assert await desk.jobs.put_aside(first, "worker-1", "order-1", due)
        third = await desk.claim(now=due - 1)
        assert third is not None
        assert third.id not in {first.id, _second.id}
        resumed = await desk.claim(now=due)
        assert resumed is not None
        assert (resumed.id, resumed.request) == (first.id, "order-1")
        assert await desk.claim(now=due) is None

    async def test_only_its_owner_puts_it_aside(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        assert not await desk.jobs.put_aside(job, "worker-2", "order-1", NOON)
        assert not await desk.jobs.put_aside(replace(job, attempt=9), "worker-1", "x", NOON)
        assert await desk.jobs.put_aside(job, "worker-1", "order-1", NOON)
        assert not await desk.jobs.put_aside(job, "worker-1", "order-1", NOON)
        assert await desk.jobs.renew(Lease(owner="worker-1", until=NOON)) == frozenset()
        assert (await desk.jobs.get(OWNER.subject, job.id)).state is State.RUNNING

    async def test_the_same_ask_finds_it(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.jobs.put_aside(job, "worker-1", "order-1", NOON)
        assert (await desk.admit()).id == job.id

    async def test_cancelled_it_is_looked_at_at_once_and_keeps_its_hold(self, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.jobs.put_aside(job, "worker-1", "order-1", NOON + 99 * SECOND)
        told = await desk.books.cancel(OWNER, job.id, WHENCE, NOON + 2)
        assert (told.state, told.cancel, told.actual) == (State.RUNNING, True, None)
        again = await desk.claim(now=NOON + 2)
        assert again is not None
        assert (again.id, again.cancel) == (job.id, True)

    async def test_many_workers_never_take_one_twice(self, desk: Desk) -> None:
        for caller in (OWNER, TEAM_MATE, STRANGER):
            await desk.admit(caller=caller)
            job = await desk.run()
            await desk.jobs.put_aside(job, "worker-1", "order-1", NOON)
        claims = await asyncio.gather(*(desk.claim(f"worker-{n}") for n in range(12)))
        taken = [job.id for job in claims if job is not None]
        assert len(taken) == len(set(taken))
        rest = [await desk.claim() for _ in range(3)]
        taken += [each.id for each in rest if each is not None]
        assert len(taken) == len(set(taken)) == 3


class Reopening:
    """Of jobs whose outcome nobody knows."""

    async def lost(self, desk: Desk, request: str | None = "order-1") -> Job:
        await desk.admit()
        job = await desk.run()
        await desk.jobs.track(job, request)
        assert await desk.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        return await desk.jobs.get(OWNER.subject, job.id)

    @pytest.mark.parametrize(
        ("amount", "state", "held"),
        [
            (PRICE, State.SUCCEEDED, 0),
            (0, State.FAILED, 0),
            (None, State.OUTCOME_UNKNOWN, PRICE),
        ],
    )
    async def test_it_is_settled_as_if_it_had_run_on(
        self, desk: Desk, amount: int | None, state: State, held: int
    ) -> None:
        job = await self.lost(desk)
        again = await desk.jobs.reopen(job, Lease(owner="asker", until=NOON + 9 * SECOND))
        assert again is not None
        assert (again.state, again.attempt, again.request) == (State.RUNNING, 2, "order-1")
        assert (again.finished_at, again.error_code, again.started_at) == (
            None,
            None,
            job.started_at,
        )
        assert await balance(desk, EVERYONE) == (PRICE, 0)
        images = (desk.image(job.id),) if state is State.SUCCEEDED else ()
        ended = verdict(again, amount, state=state, owner="asker", images=images)
        assert await desk.books.settle(ended)
        assert (await desk.jobs.get(OWNER.subject, job.id)).state is state
        assert await balance(desk, EVERYONE) == (held, amount or 0)

    async def test_one_asker_only_takes_it(self, desk: Desk) -> None:
        job = await self.lost(desk)
        lease = Lease(owner="asker", until=NOON + 9 * SECOND)
        both = await asyncio.gather(desk.jobs.reopen(job, lease), desk.jobs.reopen(job, lease))
        assert [each is None for each in both].count(False) == 1

    async def test_an_asker_that_is_lost_leaves_it_aside(self, desk: Desk) -> None:
        job = await self.lost(desk)
        assert await desk.jobs.reopen(job, Lease(owner="asker", until=NOON + 9)) is not None
        assert (await desk.jobs.recover(NOON + 9, sole=False)).aside == (job.id,)

    async def test_without_a_request_there_is_nothing_to_ask(self, desk: Desk) -> None:
        job = await self.lost(desk, None)
        assert await desk.jobs.reopen(job, Lease(owner="asker", until=NOON)) is None
        assert (await desk.jobs.get(OWNER.subject, job.id)).state is State.OUTCOME_UNKNOWN

    async def test_what_has_another_end_is_left(self, desk: Desk) -> None:
        job, _ = await desk.done()
        assert await desk.jobs.reopen(job, Lease(owner="asker", until=NOON)) is None
        running = await desk.admit("running")
        await desk.jobs.track(await desk.run(), "order-1")
        now = await desk.jobs.get(OWNER.subject, running.id)
        assert await desk.jobs.reopen(now, Lease(owner="asker", until=NOON)) is None


class Telling:
    async def test_a_job_is_told_to_its_subject_only(self, desk: Desk) -> None:
        job = await desk.admit()
        for subject in (TEAM_MATE.subject, STRANGER.subject, "local"):
            with pytest.raises(NotFound) as other:
                await desk.jobs.get(subject, job.id)
            with pytest.raises(NotFound) as never:
                await desk.jobs.get(subject, "job_never")
            assert other.value.public() == never.value.public()
            listed = await desk.jobs.list(subject, open_only=False, limit=9, before=None)
            assert listed == ()

    async def test_jobs_are_listed_newest_first_in_pages(self, desk: Desk) -> None:
        ids = [(await desk.admit(f"fox {n}", now=NOON + n // 2)).id for n in range(5)]
        seen: list[str] = []
        before = None
        while page := await desk.jobs.list(OWNER.subject, open_only=False, limit=2, before=before):
            seen += [job.id for job in page]
            before = seen[-1]
        assert sorted(seen) == sorted(ids)
        assert seen[0] == ids[4]

    async def test_a_page_starts_from_ones_own_job(self, desk: Desk) -> None:
        job = await desk.admit(caller=TEAM_MATE)
        await desk.admit()
        with pytest.raises(NotFound):
            await desk.jobs.list(OWNER.subject, open_only=False, limit=2, before=job.id)

    async def test_open_jobs_wait_or_run(self, desk: Desk) -> None:
        await desk.done("done")
        running = await desk.admit("running")
        await desk.run()
        queued = await desk.admit("queued", now=NOON + 1)
        listed = await desk.jobs.list(OWNER.subject, open_only=True, limit=9, before=None)
        assert [job.id for job in listed] == [queued.id, running.id]

    async def test_counts_are_by_state(self, desk: Desk) -> None:
        assert await desk.jobs.counts() == {"queued": 0, "running": 0, "outcome_unknown": 0}
        await desk.done("done")
        await desk.admit("unknown")
        job = await desk.run()
        await desk.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        await desk.admit("queued")
        assert await desk.jobs.counts() == {"queued": 1, "running": 0, "outcome_unknown": 1}


class JobsContract(Claiming, Running, Recovery, Tracking, Reopening, Telling):
    pass
