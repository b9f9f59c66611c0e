"""What every store of revocations promises. A suite gives the fixture `revocations`."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Forbidden, NotFound
from imagewright.core.job import State
from imagewright.core.revocation import EVERYBODY, Target, Warrant, What
from imagewright.ports.revocations import Revocations
from tests.contracts.samples import NOON, OWNER, PRICE, SECOND, STRANGER, TEAM_MATE, WHENCE, Desk

WARRANT = Warrant(by="root", reason="left the company", at=NOON)
LATER = Warrant(by="olga", reason="came back", at=NOON + SECOND)
TOKEN = Target(what=What.TOKEN, key=OWNER.credential.id)
SUBJECT = Target(what=What.SUBJECT, key=OWNER.subject)
SPENDING_BY = Target(what=What.SPENDING_BY, key=OWNER.subject)
SPENDING_AT = Target(what=What.SPENDING_AT, key="painter")
BARRING = (TOKEN, SUBJECT)
STOPPING = (SPENDING_BY, SPENDING_AT, EVERYBODY)
OTHERS = (
    Target(what=What.TOKEN, key=OWNER.subject),
    Target(what=What.TOKEN, key="tok"),
    Target(what=What.SUBJECT, key="user:owner@example.co"),
    Target(what=What.SUBJECT, key=TEAM_MATE.subject),
    Target(what=What.SPENDING_BY, key=STRANGER.subject),
    Target(what=What.SPENDING_AT, key="paint"),
)


class RevocationsContract:
    @pytest.mark.parametrize("target", [*BARRING, *STOPPING], ids=str)
    async def test_a_revocation_is_in_force_until_it_is_lifted(
        self, revocations: Revocations, target: Target
    ) -> None:
        assert await revocations.in_force() == frozenset()
        made = await revocations.revoke(target, WARRANT)
        assert await revocations.in_force() == {target}
        assert await revocations.list(lifted=False) == (made,)
        assert (made.target, made.at, made.by) == (target, NOON, "root")
        assert (made.reason, made.lifted_at, made.lifted_by) == ("left the company", None, None)
        lifted = await revocations.lift(target, LATER)
        assert lifted == replace(made, lifted_at=NOON + SECOND, lifted_by="olga")
        assert await revocations.in_force() == frozenset()
        assert await revocations.list(lifted=False) == ()
        assert await revocations.list(lifted=True) == (lifted,)

    async def test_a_second_finds_the_first(self, revocations: Revocations) -> None:
        made = await asyncio.gather(*(revocations.revoke(TOKEN, WARRANT) for _ in range(5)))
        assert len({each.id for each in made}) == 1
        again = await revocations.revoke(TOKEN, LATER)
        assert again == made[0]
        assert len(await revocations.list(lifted=True)) == 1

    async def test_what_was_lifted_can_be_revoked_anew(self, revocations: Revocations) -> None:
        first = await revocations.revoke(SUBJECT, WARRANT)
        await revocations.lift(SUBJECT, LATER)
        second = await revocations.revoke(SUBJECT, LATER)
        assert second.id != first.id
        assert [each.id for each in await revocations.list(lifted=True)] == [second.id, first.id]
        assert await revocations.list(lifted=True, limit=1) == (second,)

    async def test_what_is_not_revoked_cannot_be_lifted(self, revocations: Revocations) -> None:
        await revocations.revoke(TOKEN, WARRANT)
        with pytest.raises(NotFound):
            await revocations.lift(SUBJECT, LATER)
        await revocations.lift(TOKEN, LATER)
        with pytest.raises(NotFound):
            await revocations.lift(TOKEN, LATER)

    async def test_kinds_and_keys_are_kept_apart(self, revocations: Revocations) -> None:
        targets = (*BARRING, *STOPPING, *OTHERS)
        made = [await revocations.revoke(target, WARRANT) for target in targets]
        assert await revocations.in_force() == {*BARRING, *STOPPING, *OTHERS}
        assert await revocations.list(lifted=False) == tuple(reversed(made))
        await revocations.lift(TOKEN, LATER)
        assert await revocations.in_force() == {SUBJECT, *STOPPING, *OTHERS}


class RevokedContract:
    """What admissions and starts keep. A suite gives `desk` too, on the same store."""

    @pytest.mark.parametrize("target", [*BARRING, *STOPPING], ids=str)
    async def test_nothing_that_is_barred_is_admitted(
        self, desk: Desk, revocations: Revocations, target: Target
    ) -> None:
        await revocations.revoke(target, WARRANT)
        demand = desk.demand()
        with pytest.raises(Forbidden):
            await desk.books.offer(OWNER, demand.quote, WHENCE, NOON)
        with pytest.raises(Forbidden):
            await desk.books.admit(demand)
        with pytest.raises(NotFound):
            await desk.jobs.get(OWNER.subject, demand.job)
        (balance,) = await desk.books.balances((demand.charges[0].account,))
        assert (balance.held, balance.settled) == (0, 0)
        await revocations.lift(target, LATER)
        assert (await desk.books.admit(demand)).fresh

    @pytest.mark.parametrize("target", BARRING, ids=str)
    async def test_who_is_barred_joins_no_earlier_job(
        self, desk: Desk, revocations: Revocations, target: Target
    ) -> None:
        await desk.admit()
        await revocations.revoke(target, WARRANT)
        with pytest.raises(Forbidden):
            await desk.admit()

    @pytest.mark.parametrize("target", STOPPING, ids=str)
    async def test_what_is_free_is_no_spending(
        self, desk: Desk, revocations: Revocations, target: Target
    ) -> None:
        await revocations.revoke(target, WARRANT)
        job = await desk.admit(ceiling=0)
        assert await revocations.end_queued(target, WARRANT) == 0
        assert (await desk.run()).id == job.id

    @pytest.mark.parametrize("target", OTHERS, ids=str)
    async def test_others_are_not_meant(
        self, desk: Desk, revocations: Revocations, target: Target
    ) -> None:
        await revocations.revoke(target, WARRANT)
        job = await desk.admit()
        assert await revocations.end_queued(target, WARRANT) == 0
        assert (await desk.run()).id == job.id

    @pytest.mark.parametrize("target", [*BARRING, *STOPPING], ids=str)
    async def test_a_claimed_job_is_not_started(
        self, desk: Desk, revocations: Revocations, target: Target
    ) -> None:
        await desk.admit()
        job = await desk.claim()
        assert job is not None
        await revocations.revoke(target, WARRANT)
        with pytest.raises(Forbidden):
            await desk.jobs.start(job, "worker-1", NOON)
        assert (await desk.jobs.get(OWNER.subject, job.id)).started_at is None

    @pytest.mark.parametrize("target", [*BARRING, *STOPPING], ids=str)
    async def test_queued_jobs_end_and_their_holds_with_them(
        self, desk: Desk, revocations: Revocations, target: Target
    ) -> None:
        queued = [await desk.admit(f"fox {place}") for place in range(3)]
        theirs = await desk.admit(caller=STRANGER)
        running = await desk.run()
        await revocations.revoke(target, WARRANT)
        count = await revocations.end_queued(target, WARRANT)
        wide = target in {EVERYBODY, SPENDING_AT}
        left = {running.id} | (set() if wide else {theirs.id})
        everybody = [*queued, theirs]
        for job in everybody:
            found = await desk.jobs.get(job.caller.subject, job.id)
            ended = found.state is State.CANCELED
            assert ended == (job.id not in left)
            if ended:
                assert (found.error_code, found.actual, found.finished_at) == ("canceled", 0, NOON)
        assert count == len(everybody) - len(left)
        account = desk.demand().charges[0].account
        (balance,) = await desk.books.balances((account,))
        assert (balance.held, balance.settled) == (PRICE * len(left), 0)
        assert await revocations.end_queued(target, WARRANT) == 0

    async def test_another_token_of_the_subject_is_not_meant(
        self, desk: Desk, revocations: Revocations
    ) -> None:
        other = replace(OWNER, credential=Credential(id="tok-9"))
        job = await desk.admit(caller=other)
        await revocations.revoke(TOKEN, WARRANT)
        assert await revocations.end_queued(TOKEN, WARRANT) == 0
        assert (await desk.run()).id == job.id

    async def test_nothing_gets_past_a_revocation_that_has_returned(
        self, desk: Desk, revocations: Revocations
    ) -> None:
        callers = [Caller(subject=f"user:racer{place}") for place in range(12)]

        async def ask(caller: Caller, prompt: str) -> str | None:
            try:
                return (await desk.admit(prompt, caller)).id
            except Forbidden:
                return None

        before = [ask(caller, "first") for caller in callers]
        first, *_ = await asyncio.gather(
            asyncio.gather(*before), revocations.revoke(EVERYBODY, WARRANT)
        )
        after = await asyncio.gather(*(ask(caller, "second") for caller in callers))
        assert after == [None] * len(callers)
        assert await revocations.end_queued(EVERYBODY, WARRANT) == len([id for id in first if id])
