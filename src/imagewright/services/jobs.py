"""Jobs: asked after, waited for, cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from imagewright.core.caller import Caller
from imagewright.core.job import Job, State
from imagewright.ports.board import Board, News
from imagewright.ports.books import Books, Origin
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs
from imagewright.services.intake import Intake

_REREAD_SECONDS = 1.0

OnNews = Callable[[News], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How jobs are followed: what is told of them, by which clock, and until the service stops."""

    board: Board
    clock: Clock
    intake: Intake


class JobService:
    """One subject at a time: whatever it does not own is not there."""

    def __init__(self, jobs: Jobs, books: Books, following: Following) -> None:
        self._jobs = jobs
        self._books = books
        self._board = following.board
        self._clock = following.clock
        self._intake = following.intake

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

        `on_news` hears of it at least once a second. Whoever stops waiting loses nothing: the
        job goes on. Once the service is being stopped, a job that is queued is not waited for, and
        once it is drained, no job is.
        """
        until = self._clock.monotonic() + seconds
        last: News | None = None
        async with self._board.watch(job) as news, _Next(news) as following:
            while True:
                found = await self._jobs.get(subject, job)
                left = until - self._clock.monotonic()
                if found.state.ended or left <= 0:
                    return found
                if self._intake.drained or (self._intake.closed and found.state is State.QUEUED):
                    return found
                last = last or News(stage=found.stage, done=found.done, total=found.total)
                await on_news(last)
                again = self._clock.monotonic() + min(left, _REREAD_SECONDS)
                while (pause := again - self._clock.monotonic()) > 0:
                    item = await following.within(pause)
                    if item is None or item.ended:
                        break
                    last = item
                    await on_news(item)


class _Next:
    """News one by one, each awaited up to a time without breaking the iterator off."""

    def __init__(self, news: AsyncIterator[News]) -> None:
        self._news = news
        self._task: asyncio.Task[News] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def within(self, seconds: float) -> News | None:
        """The next item, or None after `seconds`."""
        if self._task is None:
            self._task = asyncio.create_task(self._take())
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done:
            return None
        item, self._task = self._task.result(), None
        return item

    async def _take(self) -> News:
        return await anext(self._news)
