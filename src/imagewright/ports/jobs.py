"""The jobs table: the one truth about what is waiting, running and done."""

from dataclasses import dataclass
from typing import Protocol

from imagewright.core.batch import Group
from imagewright.core.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """Jobs put right after an owner was lost: put back in the queue, and of unknown outcome."""

    requeued: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's name and until when (UTC microseconds) its claims hold without renewal."""

    owner: str
    until: int


class Jobs(Protocol):
    """Reads are by subject; claims are by owner, lease and attempt. Times are UTC microseconds."""

    async def claim(self, lease: Lease, running: int, now: int) -> Job | None:
        """Take the next queued job, fair between subjects, none of a subject that runs `running`.

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

        Not started, or with nothing held: queued again. Started: `outcome_unknown`, its hold kept.
        """

    async def counts(self) -> dict[str, int]:
        """How many jobs are in each open state, and of unknown outcome."""
