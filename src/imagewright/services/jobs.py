"""Jobs: asked after, waited for, cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

from imagewright.core.caller import Caller
from imagewright.core.job import Job
from imagewright.ports.board import Board, News
from imagewright.ports.books import Books, Origin
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs

_REREAD_SECONDS = 5.0

OnNews = Callable[[News], Awaitable[None]]


class JobService:
    """One subject at a time: whatever it does not own is not there."""

    def __init__(self, jobs: Jobs, books: Books, board: Board, clock: Clock) -> None:
        self._jobs = jobs
        self._books = books
        self._board = board
        self._clock = clock

    async def get(self, subject: str, job: str) -> Job:
        """Raises NotFound."""
        return await self._jobs.get(subject, job)

    async def list(
        self, subject: str, *, open_only: bool, limit: int, before: str | None
    ) -> tuple[Job, ...]:
        """Newest first. Raises NotFound for a page that starts nowhere."""
        return await self._jobs.list(subject, open_only=open_only, limit=limit, before=before)

    async def cancel(self, caller: Caller, job: str, origin: Origin) -> Job:
        """End a queued job, ask a running one to stop, leave an ended one. Raises NotFound."""
        found = await self._books.cancel(caller, job, origin, self._clock.now())
        self._board.post(job, News(stage=found.state.value, ended=found.state.ended))
        return found

    async def wait(self, subject: str, job: str, seconds: float, on_news: OnNews) -> Job:
        """The job once it has ended, or as it stands after `seconds`. Raises NotFound.

        Whoever stops waiting loses nothing: the job goes on.
        """
        until = self._clock.monotonic() + seconds
        async with self._board.watch(job) as news:
            while True:
                found = await self._jobs.get(subject, job)
                left = until - self._clock.monotonic()
                if found.state.ended or left <= 0:
                    return found
                try:
                    async with asyncio.timeout(min(left, _REREAD_SECONDS)):
                        async for item in news:
                            await on_news(item)
                            if item.ended:
                                break
                except TimeoutError:
                    continue
