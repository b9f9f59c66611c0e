"""What every docket promises. A suite gives the fixtures `docket`, `desk`, `audit` and `ledger`."""

import asyncio
from typing import Any

import pytest

from imagewright.core.budget import Account, Level
from imagewright.core.errors import BudgetExceeded, InvalidRequest, NotFound
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.resolution import Backlog, Resolution
from imagewright.core.revocation import Warrant
from imagewright.core.usage import Sum, Wanted
from imagewright.ports.audit import Audit
from imagewright.ports.docket import Docket
from imagewright.ports.ledger import LedgerReader
from tests.contracts.samples import (
    DAY,
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    TEAM_MATE,
    Desk,
    day,
    verdict,
)

LATER = NOON + 3600 * SECOND
WARRANT = Warrant(by="root", reason="their usage page says so", at=LATER)
EVERYONE = Account(level=Level.EVERYONE, key="", period=DAY)


async def lost(desk: Desk, prompt: str = "a fox", **more: Any) -> Job:
    """A job whose outcome is unknown."""
    request, at = more.pop("request", None), more.pop("at", NOON + 5 * SECOND)
    await desk.admit(prompt, **more)
    job = await desk.run()
    if request is not None:
        await desk.jobs.track(job, request)
    told = verdict(job, None, state=State.OUTCOME_UNKNOWN, error_code="outcome_unknown", at=at)
    assert await desk.books.settle(told)
    return await desk.jobs.get(job.caller.subject, job.id)


async def used(desk: Desk) -> tuple[int, int]:
    (found,) = await desk.books.balances((EVERYONE,))
    return found.held, found.settled


def resolution(job: Job, amount: int | None = None, **more: Any) -> Resolution:
    given = None if amount is None else Nano(amount)
    return Resolution(job=job.id, amount=given, warrant=WARRANT, **more)


class Listing:
    async def test_everybodys_jobs_are_listed_the_newest_first(
        self, docket: Docket, desk: Desk
    ) -> None:
        for place, caller in enumerate((OWNER, STRANGER, TEAM_MATE)):
            await desk.admit(caller=caller, now=NOON + place)
        found = await docket.jobs(None, None, 10)
        assert [job.caller for job in found] == [TEAM_MATE, STRANGER, OWNER]
        assert found[1] == await desk.jobs.get(STRANGER.subject, found[1].id)
        assert await docket.jobs(None, None, 2) == found[:2]

    async def test_a_state_and_a_subject_narrow_it(self, docket: Docket, desk: Desk) -> None:
        job = await lost(desk)
        await desk.admit("another")
        await desk.admit(caller=STRANGER)
        assert await docket.jobs(State.OUTCOME_UNKNOWN, None, 10) == (job,)
        assert len(await docket.jobs(State.QUEUED, None, 10)) == 2
        (theirs,) = await docket.jobs(None, STRANGER.subject, 10)
        assert theirs.caller == STRANGER
        assert await docket.jobs(State.OUTCOME_UNKNOWN, STRANGER.subject, 10) == ()
        assert await docket.jobs(None, "user:nobody@example.com", 10) == ()

    async def test_the_backlog_is_what_nobody_knows_of(self, docket: Docket, desk: Desk) -> None:
        assert await docket.backlog() == ()
        await lost(desk, "later", at=LATER)
        await lost(desk, "first", at=NOON)
        await desk.done("good")
        await desk.admit("queued")
        assert await docket.backlog() == (Backlog(provider="painter", count=2, oldest=NOON),)


class Resolving:
    @pytest.mark.parametrize(
        ("amount", "spent", "outcome"),
        [
            (None, PRICE, "charged"),
            (0, 0, "not_charged"),
            (PRICE // 4, PRICE // 4, "charged"),
            (PRICE, PRICE, "charged"),
            (PRICE * 3, PRICE * 3, "charged"),
        ],
    )
    async def test_it_ends_at_what_it_has_cost(
        self,
        docket: Docket,
        desk: Desk,
        audit: Audit,
        ledger: LedgerReader,
        amount: int | None,
        spent: int,
        outcome: str,
    ) -> None:
        job = await lost(desk)
        assert await used(desk) == (PRICE, 0)
        done = await docket.resolve(resolution(job, amount))
        assert done == await desk.jobs.get(OWNER.subject, job.id)
        assert (done.state, done.actual, done.error_code) == (State.FAILED, spent, "resolved")
        assert done.finished_at == job.finished_at
        assert await used(desk) == (0, spent)
        found: list[Sum] = []
        await ledger.sums(Wanted(), found.append)
        settled = Nano(min(spent, PRICE))
        assert found == [Sum(jobs=1, settled=settled, adjusted=Nano(spent - settled))]
        lines = [each for each in await audit.newest(9) if each.subject == "operator"]
        (line, *more) = lines
        assert (line.action, line.outcome, line.credential) == ("resolve", outcome, "root")
        assert (line.reason, line.job, line.amount) == (WARRANT.reason, job.id, settled)
        assert (line.thing, line.shape) == ("painter/brush-1", None)
        assert [(each.action, each.amount) for each in more] == (
            [("adjust", spent - PRICE)] if spent > PRICE else []
        )

    async def test_who_signs_is_kept_beside_the_systems_user(
        self, docket: Docket, desk: Desk, audit: Audit
    ) -> None:
        await docket.resolve(resolution(await lost(desk), signed="Olga"))
        (line,) = await audit.newest(1)
        assert (line.credential, line.public()["shape"]) == ("root", {"by": "Olga"})

    async def test_the_same_ask_is_a_new_one_afterwards(self, docket: Docket, desk: Desk) -> None:
        job = await lost(desk)
        assert (await desk.admit()).id == job.id
        await docket.resolve(resolution(job, 0))
        again = await desk.admit()
        assert (again.id != job.id, again.state) == (True, State.QUEUED)

    async def test_what_is_released_is_room_again(self, docket: Docket, desk: Desk) -> None:
        charges = (day(Level.EVERYONE, "", PRICE),)
        job = await lost(desk, charges=charges)
        with pytest.raises(BudgetExceeded):
            await desk.admit("another", charges=charges)
        await docket.resolve(resolution(job, 0))
        await desk.admit("another", charges=charges)

    async def test_only_what_is_unknown_is_resolved_and_only_once(
        self, docket: Docket, desk: Desk
    ) -> None:
        job = await lost(desk)
        await docket.resolve(resolution(job))
        queued = await desk.admit("queued")
        for other in (job, queued):
            for act in (
                docket.resolve(resolution(other, 0)),
                docket.ask_again(other.id, WARRANT),
            ):
                with pytest.raises(InvalidRequest, match=r"The job is (failed|queued)"):
                    await act
        assert await used(desk) == (PRICE, PRICE)

    async def test_many_who_resolve_at_once_resolve_it_once(
        self, docket: Docket, desk: Desk
    ) -> None:
        job = await lost(desk)
        acts = (docket.resolve(resolution(job, amount)) for amount in (0, 5, None, 7))
        found = await asyncio.gather(*acts, return_exceptions=True)
        assert sorted(type(each).__name__ for each in found) == ["InvalidRequest"] * 3 + ["Job"]
        held, settled = await used(desk)
        assert (held, settled) == (0, (await desk.jobs.get(OWNER.subject, job.id)).actual)

    async def test_what_is_not_there_is_not_found(self, docket: Docket, desk: Desk) -> None:
        job = await lost(desk)
        gone = Resolution(job="job_none", amount=None, warrant=WARRANT)
        with pytest.raises(NotFound):
            await docket.resolve(gone)
        with pytest.raises(NotFound):
            await docket.ask_again("job_none", WARRANT)
        assert await docket.jobs(State.OUTCOME_UNKNOWN, None, 9) == (job,)


class AskingAgain:
    async def test_it_is_claimed_at_once_with_its_hold_and_its_request(
        self, docket: Docket, desk: Desk, audit: Audit
    ) -> None:
        job = await lost(desk, request='{"id": 7}')
        asked = await docket.ask_again(job.id, WARRANT)
        assert (asked.state, asked.finished_at, asked.error_code) == (State.RUNNING, None, None)
        assert await used(desk) == (PRICE, 0)
        (line,) = await audit.newest(1)
        assert (line.action, line.outcome, line.job) == ("resolve", "asked", job.id)
        claimed = await desk.claim(now=LATER)
        assert claimed is not None
        assert (claimed.id, claimed.request) == (job.id, '{"id": 7}')
        assert claimed.started_at == job.started_at
        assert claimed.attempt > job.attempt
        assert await desk.books.settle(verdict(claimed, PRICE // 2))
        assert await used(desk) == (0, PRICE // 2)

    async def test_what_cannot_be_asked_by_stays_unknown(self, docket: Docket, desk: Desk) -> None:
        job = await lost(desk)
        with pytest.raises(InvalidRequest, match="told nothing that it could be asked by"):
            await docket.ask_again(job.id, WARRANT)
        assert await docket.jobs(State.OUTCOME_UNKNOWN, None, 9) == (job,)


class DocketContract(Listing, Resolving, AskingAgain):
    """The whole suite."""
