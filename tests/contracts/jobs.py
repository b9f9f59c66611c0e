"""What every jobs table promises. A suite gives the fixture `desk`."""

import asyncio

import pytest

from imagewright.core.errors import NotFound
from imagewright.core.job import State
from imagewright.ports.jobs import Lease, Recovered
from tests.contracts.samples import (
    NOON,
    OWNER,
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


class JobsContract(Claiming, Running, Recovery, Telling):
    pass
