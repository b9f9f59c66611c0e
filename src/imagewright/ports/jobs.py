"""The jobs table: the one truth about what is waiting, running and done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imagewright.core.batch import Group
from imagewright.core.caller import Caller
from imagewright.core.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """Jobs put right after an owner was lost: queued again, of unknown outcome, and put aside."""

    requeued: tuple[str, ...]
    unknown: tuple[str, ...]
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's name and until when (UTC microseconds) its claims hold without renewal."""

    owner: str
    until: int


Own = Callable[[Caller], int | None]
"""How many jobs of a caller's subject may run at once by the caller's own limit, if it has one."""


class Jobs(Protocol):
    """Reads are by subject; claims are by owner, lease and attempt. Times are UTC microseconds."""

    async def claim(
        self, lease: Lease, running: int, now: int, own: Own | None = None
    ) -> Job | None:
        """Take the next job: one that was put aside and is due, else a queued one.

        Those are taken fair between subjects, none of a subject that runs `running`; what was put
        aside runs in nobody's place.
        `own` is asked of the caller of a queued job that could be next, on any thread; where it
        says how many may run, a subject that runs so many is passed over too.
        Fair: the subject with the fewest running jobs first, then the oldest job. Two workers
        never take one job: the row changes only while it is still queued.
        """

    async def start(self, job: Job, owner: str, now: int) -> bool:
        """Mark a claimed job started, before its provider is called.

        False where it is no longer this owner's attempt, or was asked to stop. Raises Forbidden
        where its caller was revoked, or its spending; then it is not marked.
        """

    async def renew(self, lease: Lease) -> frozenset[str]:
        """Extend the owner's running jobs; the ids of those that were asked to stop."""

    async def report(self, job: Job, stage: str, done: int, total: int) -> None:
        """Keep how far a running job is, for those who ask."""

    async def track(self, job: Job, request: str | None) -> None:
        """Enter by what its vendor can be asked after a running attempt's order, or forget it.

        Nothing is entered where the attempt is no longer the job's.
        """

    async def put_aside(self, job: Job, owner: str, request: str, due: int) -> bool:
        """Leave a running job, to be claimed again at `due` and asked after by `request`.

        Its hold stays, and so does `started_at`. False where it is no longer this owner's attempt.
        """

    async def reopen(self, job: Job, lease: Lease) -> Job | None:
        """Take a job of unknown outcome, to ask its vendor once more; its hold stands as it stood.

        None where it has a settled end, was tried again since, or has no request to ask by.
        """

    async def get(self, subject: str, job: str) -> Job:
        """Raises NotFound."""

    async def group(self, subject: str, group: str) -> tuple[Group, tuple[Job, ...]]:
        """A group, and the jobs that do its asks, each once. Raises NotFound."""

    async def list(
        self, subject: str, *, open_only: bool, limit: int, before: str | None
    ) -> tuple[Job, ...]:
        """A subject's jobs, newest first, from before a job of its own (NotFound if it is not)."""

    async def recover(self, now: int, *, sole: bool) -> Recovered:
        """Put right the running jobs whose lease has ended, or all where this is the sole process.

        With a request to ask by: put aside, due now. Else, not started or with nothing held: queued
        again. Started: `outcome_unknown`, its hold kept.
        """

    async def counts(self) -> dict[str, int]:
        """How many jobs are in each open state, and of unknown outcome."""
