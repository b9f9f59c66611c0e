"""What every jobs table promises. A suite gives the fixture `world`."""

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
    World,
    verdict,
)


class Claiming:
    async def test_a_claim_takes_the_job_for_its_owner(self, world: World) -> None:
        job = await world.admit()
        claimed = await world.claim()
        assert claimed is not None
        assert (claimed.id, claimed.caller) == (job.id, OWNER)
        assert (claimed.state, claimed.attempt, claimed.started_at) == (State.RUNNING, 1, None)
        assert claimed == await world.jobs.get(OWNER.subject, job.id)
        assert await world.claim() is None

    async def test_one_subjects_jobs_are_taken_oldest_first(self, world: World) -> None:
        later = await world.admit("later", now=NOON + 2)
        first = await world.admit("first", now=NOON)
        assert [job.id for job in (await world.run(), await world.run())] == [first.id, later.id]

    async def test_who_runs_least_comes_first(self, world: World) -> None:
        for place in range(3):
            await world.admit(f"fox {place}", now=NOON + place)
        theirs = await world.admit(caller=TEAM_MATE, now=NOON + 9)
        assert (await world.run()).caller == OWNER
        assert (await world.run()).id == theirs.id
        assert (await world.run()).caller == OWNER

    async def test_a_subject_runs_no_more_than_its_share(self, world: World) -> None:
        for place in range(3):
            await world.admit(f"fox {place}")
        first = await world.run()
        await world.run()
        assert await world.claim() is None
        await world.books.settle(verdict(first))
        assert await world.claim() is not None

    async def test_a_full_subject_does_not_block_another(self, world: World) -> None:
        for place in range(3):
            await world.admit(f"fox {place}")
        await world.run()
        await world.run()
        theirs = await world.admit(caller=STRANGER, now=NOON + 9)
        assert (await world.run()).id == theirs.id

    async def test_many_workers_never_take_one_job_twice(self, world: World) -> None:
        for caller in (OWNER, TEAM_MATE, STRANGER):
            for place in range(4):
                await world.admit(f"fox {place}", caller)
        claims = await asyncio.gather(*(world.claim(f"worker-{n}") for n in range(24)))
        taken = [job.id for job in claims if job is not None]
        assert len(taken) == len(set(taken)) == 6
        assert (await world.jobs.counts())["running"] == 6


class Running:
    async def test_started_is_marked_once_claimed(self, world: World) -> None:
        await world.admit()
        job = await world.claim()
        assert job is not None
        assert await world.jobs.start(job, "worker-1", NOON + 7)
        assert (await world.jobs.get(OWNER.subject, job.id)).started_at == NOON + 7

    async def test_only_the_owner_starts(self, world: World) -> None:
        await world.admit()
        job = await world.claim()
        assert job is not None
        assert not await world.jobs.start(job, "worker-2", NOON)

    async def test_one_that_was_asked_to_stop_does_not_start(self, world: World) -> None:
        await world.admit()
        job = await world.claim()
        assert job is not None
        await world.books.cancel(OWNER, job.id, WHENCE, NOON)
        assert not await world.jobs.start(job, "worker-1", NOON)

    async def test_an_attempt_that_was_lost_does_not_start(self, world: World) -> None:
        await world.admit()
        lost = await world.claim()
        assert lost is not None
        await world.jobs.recover(NOON, sole=True)
        again = await world.claim()
        assert again is not None
        assert again.attempt == 2
        assert not await world.jobs.start(lost, "worker-1", NOON)
        assert await world.jobs.start(again, "worker-1", NOON)

    async def test_renewing_tells_who_was_asked_to_stop(self, world: World) -> None:
        for place in range(2):
            await world.admit(f"fox {place}")
        stopping, _other = await world.run(), await world.run()
        lease = Lease(owner="worker-1", until=NOON + 500 * SECOND)
        assert await world.jobs.renew(lease) == frozenset()
        await world.books.cancel(OWNER, stopping.id, WHENCE, NOON)
        assert await world.jobs.renew(lease) == {stopping.id}
        assert await world.jobs.renew(Lease(owner="worker-2", until=NOON)) == frozenset()
        recovered = await world.jobs.recover(NOON + 499 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(), unknown=())

    async def test_progress_is_kept_of_the_attempt_that_runs(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        await world.jobs.report(job, "partial 1", 1, 3)
        seen = await world.jobs.get(OWNER.subject, job.id)
        assert (seen.stage, seen.done, seen.total) == ("partial 1", 1, 3)
        await world.books.settle(verdict(job))
        await world.jobs.report(job, "late", 3, 3)
        assert (await world.jobs.get(OWNER.subject, job.id)).stage != "late"


class Recovery:
    async def test_what_was_not_started_is_queued_again(self, world: World) -> None:
        await world.admit()
        job = await world.claim()
        assert job is not None
        recovered = await world.jobs.recover(NOON + 61 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(job.id,), unknown=())
        assert (await world.jobs.get(OWNER.subject, job.id)).state is State.QUEUED

    async def test_what_was_started_is_of_unknown_outcome(self, world: World) -> None:
        await world.admit()
        job = await world.run()
        recovered = await world.jobs.recover(NOON + 61 * SECOND, sole=False)
        assert recovered == Recovered(requeued=(), unknown=(job.id,))
        ended = await world.jobs.get(OWNER.subject, job.id)
        assert (ended.state, ended.error_code) == (State.OUTCOME_UNKNOWN, "outcome_unknown")
        assert (ended.finished_at, ended.actual) == (NOON + 61 * SECOND, None)
        assert not await world.books.settle(verdict(job))

    async def test_a_lease_that_holds_is_left_alone(self, world: World) -> None:
        await world.admit()
        await world.run()
        nothing = Recovered(requeued=(), unknown=())
        assert await world.jobs.recover(NOON + 60 * SECOND, sole=False) == nothing

    async def test_a_sole_process_takes_back_everything(self, world: World) -> None:
        await world.admit("first")
        await world.admit("second")
        started, claimed = await world.run(), await world.claim()
        assert claimed is not None
        recovered = await world.jobs.recover(NOON, sole=True)
        assert recovered == Recovered(requeued=(claimed.id,), unknown=(started.id,))


class Telling:
    async def test_a_job_is_told_to_its_subject_only(self, world: World) -> None:
        job = await world.admit()
        for subject in (TEAM_MATE.subject, STRANGER.subject, "local"):
            with pytest.raises(NotFound) as other:
                await world.jobs.get(subject, job.id)
            with pytest.raises(NotFound) as never:
                await world.jobs.get(subject, "job_never")
            assert other.value.public() == never.value.public()
            listed = await world.jobs.list(subject, open_only=False, limit=9, before=None)
            assert listed == ()

    async def test_jobs_are_listed_newest_first_in_pages(self, world: World) -> None:
        ids = [(await world.admit(f"fox {n}", now=NOON + n // 2)).id for n in range(5)]
        seen: list[str] = []
        before = None
        while page := await world.jobs.list(OWNER.subject, open_only=False, limit=2, before=before):
            seen += [job.id for job in page]
            before = seen[-1]
        assert sorted(seen) == sorted(ids)
        assert seen[0] == ids[4]

    async def test_a_page_starts_from_ones_own_job(self, world: World) -> None:
        job = await world.admit(caller=TEAM_MATE)
        await world.admit()
        with pytest.raises(NotFound):
            await world.jobs.list(OWNER.subject, open_only=False, limit=2, before=job.id)

    async def test_open_jobs_wait_or_run(self, world: World) -> None:
        await world.done("done")
        running = await world.admit("running")
        await world.run()
        queued = await world.admit("queued", now=NOON + 1)
        listed = await world.jobs.list(OWNER.subject, open_only=True, limit=9, before=None)
        assert [job.id for job in listed] == [queued.id, running.id]

    async def test_counts_are_by_state(self, world: World) -> None:
        assert await world.jobs.counts() == {"queued": 0, "running": 0, "outcome_unknown": 0}
        await world.done("done")
        await world.admit("unknown")
        job = await world.run()
        await world.books.settle(verdict(job, None, state=State.OUTCOME_UNKNOWN))
        await world.admit("queued")
        assert await world.jobs.counts() == {"queued": 1, "running": 0, "outcome_unknown": 1}


class JobsContract(Claiming, Running, Recovery, Telling):
    pass
