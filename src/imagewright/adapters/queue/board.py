"""News of jobs within this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from imagewright.ports.board import News

_KEPT = 32


class InProcessBoard:
    """The `Board` of a single process: a slow watcher loses the oldest news, never the end."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Queue[News]]] = {}

    def post(self, job: str, news: News) -> None:
        """Hand news to everybody who watches the job."""
        for queue in self._watchers.get(job, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(news)

    @asynccontextmanager
    async def watch(self, job: str) -> AsyncIterator[AsyncIterator[News]]:
        """News of a job for as long as the context is open."""
        queue: asyncio.Queue[News] = asyncio.Queue(_KEPT)
        self._watchers.setdefault(job, set()).add(queue)
        try:
            yield _Watched(queue)
        finally:
            watchers = self._watchers[job]
            watchers.discard(queue)
            if not watchers:
                del self._watchers[job]


class _Watched:
    """No generator: one that is cancelled while it waits is at its end for ever."""

    def __init__(self, queue: asyncio.Queue[News]) -> None:
        self._queue = queue

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> News:
        return await self._queue.get()
