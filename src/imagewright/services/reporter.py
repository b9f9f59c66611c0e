"""Tells how far a running job is, to those who wait and to the jobs table."""

import logging
from collections.abc import Awaitable, Callable

from imagewright.core.errors import Fault
from imagewright.core.job import Job
from imagewright.ports.board import Board, News, Partial
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs
from imagewright.services.library import LibraryService

Decide = Callable[[], Awaitable[None]]
"""Raises a Fault where what allowed a job was taken back."""

Accepted = Callable[[str], Awaitable[None]]
"""Remembers by what an order that its vendor took can be asked after."""

_log = logging.getLogger(__name__)
_WRITE_EVERY = 1.0


class Reporter:
    """The telling half of a job's `Watch`.

    The board hears all, the table new phrases and one entry a second.
    """

    def __init__(
        self, job: Job, jobs: Jobs, library: LibraryService, board: Board, clock: Clock
    ) -> None:
        self._job = job
        self._jobs = jobs
        self._library = library
        self._board = board
        self._clock = clock
        self._written = clock.monotonic()
        self._text = ""

    async def stage(
        self, text: str, done: int = 0, total: int = 0, left: float | None = None
    ) -> None:
        """A short phrase of ours, and true steps done of a known total."""
        told = text if left is None else f"{text}, about {max(0.0, left):.0f} s left"
        self._board.post(self._job.id, News(stage=told, done=done, total=total))
        now = self._clock.monotonic()
        if text == self._text and now - self._written < _WRITE_EVERY:
            return
        self._text, self._written = text, now
        try:
            await self._jobs.report(self._job, told, done, total)
        except Exception as fault:  # noqa: BLE001 - what fails here is not the provider's call
            _log.warning("stage not written", extra=self._told(fault))

    async def partial(self, index: int, data: bytes) -> None:
        """A partial image; one that cannot be kept is dropped, the job goes on."""
        try:
            kept = await self._library.keep_partial(self._job.caller.subject, self._job.id, data)
        except Exception as fault:  # noqa: BLE001 - likewise
            _log.warning("partial dropped", extra=self._told(fault))
            return
        partial = None if kept is None else Partial(index=index, data=kept)
        self._board.post(self._job.id, News(stage=f"partial image {index + 1}", partial=partial))

    def _told(self, fault: Exception) -> dict[str, str]:
        return {"job": self._job.id, "code": getattr(fault, "code", type(fault).__name__)}


class Minder:
    """The `Watch` of one job: a reporter that also keeps it from going on without its grants."""

    def __init__(self, reporter: Reporter, decide: Decide, accepted: Accepted) -> None:
        self.stage = reporter.stage
        self.partial = reporter.partial
        self._accepted = accepted
        self._decide = decide
        self._refusal: Fault | None = None

    async def accepted(self, request: str) -> None:
        """Remember it; what cannot be entered is kept in this process."""
        await self._accepted(request)

    async def again(self) -> None:
        """Raise what the decision raises."""
        try:
            await self._decide()
        except Fault as fault:
            self._refusal = fault
            raise

    def refused(self, fault: Fault) -> bool:
        """Whether it is ours, raised where it is certain that nothing was made."""
        return fault is self._refusal
