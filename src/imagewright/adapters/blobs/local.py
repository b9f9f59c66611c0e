"""Pictures on this machine's disk, for the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from imagewright.adapters.blobs.store import LocalBlobsConfig, Store
from imagewright.core.errors import Unavailable
from imagewright.ports.blobs import BlobName, Stored

__all__ = ["LocalBlobs", "LocalBlobsConfig"]

_THREADS = 4
_Args = ParamSpec("_Args")
_Answer = TypeVar("_Answer")


class LocalBlobs:
    """`ports.blobs.Blobs` on a local file system, owned by one process at a time.

    File work runs in a few threads of its own. A call that is cancelled has happened whole or
    not at all: what a thread has begun it ends, and `close` waits for it.
    """

    def __init__(self, config: LocalBlobsConfig) -> None:
        self._config = config
        self._pool: ThreadPoolExecutor | None = None
        self._store: Store | None = None

    async def open(self) -> None:
        """Make or open the state directory and move what waits. Raises Unavailable, StorageFull."""
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        opening = pool.submit(Store.open, self._config)
        try:
            self._store = await asyncio.wrap_future(opening)
        except BaseException:
            opening.add_done_callback(_leave)
            pool.shutdown(wait=False)
            raise
        self._pool = pool

    async def close(self) -> None:
        """End what has begun and leave the directory to the next process; idempotent."""
        pool, store = self._pool, self._store
        self._pool = self._store = None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)
        if store is not None:
            await asyncio.to_thread(store.close)

    async def put(self, subject: str, name: BlobName, data: bytes, sidecar: bytes) -> Stored:
        return await self._run(self._opened.put, subject, name, data, sidecar)

    async def get(self, subject: str, path: str) -> bytes:
        return await self._run(self._opened.get, subject, path)

    async def delete(self, subject: str, path: str) -> None:
        await self._run(self._opened.delete, subject, path)

    async def put_preview(self, subject: str, key: str, data: bytes) -> None:
        await self._run(self._opened.put_preview, subject, key, data)

    async def get_preview(self, subject: str, key: str) -> bytes | None:
        return await self._run(self._opened.get_preview, subject, key)

    async def drop_preview(self, subject: str, key: str) -> None:
        await self._run(self._opened.drop_preview, subject, key)

    async def room(self) -> None:
        await self._run(self._opened.room)

    async def settle(self) -> int:
        return await self._run(self._opened.settle)

    async def paths(self, subject: str) -> AsyncIterator[str]:
        for path in await self._run(self._opened.paths, subject):
            yield path

    def local_path(self, subject: str, path: str) -> str | None:
        return self._opened.local_path(subject, path)

    async def ping(self) -> None:
        await self._run(self._opened.ping)

    @property
    def _opened(self) -> Store:
        if self._store is None:
            raise Unavailable("The picture store is closed.")
        return self._store

    async def _run(
        self, work: Callable[_Args, _Answer], *args: _Args.args, **named: _Args.kwargs
    ) -> _Answer:
        if self._pool is None:
            raise Unavailable("The picture store is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, lambda: work(*args, **named)
            )
        except OSError as error:
            raise Unavailable("The picture store failed.") from error


def _leave(opening: Future[Store]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
