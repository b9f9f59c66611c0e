"""The workers: started as they are needed, at most so many, ended when they rest. Parent side."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.faults import fault_of
from imagewright.adapters.imaging.process import CRASHED, EXHAUSTED, Died, WorkerProcess
from imagewright.core.errors import Unavailable

_log = logging.getLogger(__name__)
_STARTING = 20.0
_SLOW = "Imaging does not answer in time."
_GONE = "Imaging is not available."


class Workers:
    """Each call has a worker of its own while it lasts.

    A call that is cancelled or late kills its worker, because what it would still answer is
    nobody's; the next call starts another.
    """

    def __init__(self, config: ImagingConfig) -> None:
        self._config = config
        self._places = asyncio.Semaphore(config.workers)
        self._resting: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._closed = True
        self.held: dict[str, str] = {}

    async def open(self) -> None:
        """Start the first worker. Raises Unavailable if none can be."""
        self._closed = False
        self._rest(await self._start())
        self._watch = asyncio.create_task(self._shrink(), name="imaging-workers")

    async def close(self) -> None:
        """End them all, with what they are doing."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        self._resting.clear()
        for worker in tuple(self._all):
            self._drop(worker)
        await asyncio.gather(*self._ending)

    @property
    def count(self) -> int:
        return len(self._all)

    def pids(self) -> list[int]:
        """The processes that are there now."""
        return [worker.pid for worker in self._all]

    async def call(
        self, head: dict[str, Any], blobs: Sequence[bytes] = ()
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Have one worker do it. Raises the Fault it refuses with, and Unavailable."""
        try:
            async with asyncio.timeout(self._config.deadline):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable(_SLOW, hint="Try again in a moment.") from None
        try:
            answer, made = await self._twice(head, blobs)
        finally:
            self._places.release()
        if "refused" in answer:
            raise fault_of(str(answer["refused"]))
        return answer, made

    async def _twice(
        self, head: dict[str, Any], blobs: Sequence[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        try:
            return await self._once(head, blobs)
        except Died as first:
            self._judge(first)
        try:
            return await self._once(head, blobs)
        except Died as second:
            self._judge(second)
            if second.signal in CRASHED:
                raise fault_of("broken") from None
        raise Unavailable(_GONE, hint="Try again in a moment.")

    def _judge(self, death: Died) -> None:
        """A worker that ran into its own limits did so because of this picture."""
        _log.warning("an imaging worker ended with signal %d", death.signal)
        if death.signal in EXHAUSTED:
            raise fault_of(EXHAUSTED[death.signal]) from None

    async def _once(
        self, head: dict[str, Any], blobs: Sequence[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        worker = await self._take()
        kept = False
        try:
            async with asyncio.timeout(self._config.deadline):
                answer = await worker.call(head, blobs)
            kept = True
            return answer
        except TimeoutError:
            _log.warning("an imaging worker was ended after %g s", self._config.deadline)
            raise Unavailable(_SLOW, hint="Try a smaller picture, or later.") from None
        finally:
            if kept and not worker.worn and not self._closed:
                self._rest(worker)
            else:
                self._drop(worker)

    async def _take(self) -> WorkerProcess:
        while self._resting:
            worker = self._resting.pop()
            if worker.alive:
                return worker
            self._drop(worker)
        return await self._start()

    async def _start(self) -> WorkerProcess:
        self._want_open()
        try:
            async with asyncio.timeout(_STARTING):
                worker = await WorkerProcess.start(self._config.memory, self._config.life)
        except (Died, OSError, TimeoutError):
            _log.exception("an imaging worker does not start")
            raise Unavailable(_GONE) from None
        self._all.add(worker)
        try:
            self._want_open()
        except Unavailable:
            self._drop(worker)
            raise
        self.held = worker.held
        return worker

    def _want_open(self) -> None:
        if self._closed:
            raise Unavailable(_GONE)

    def _rest(self, worker: WorkerProcess) -> None:
        worker.rested = asyncio.get_running_loop().time()
        self._resting.append(worker)

    def _drop(self, worker: WorkerProcess) -> None:
        self._all.discard(worker)
        # Killed before the task first runs: whoever was cancelled waits for nothing.
        worker.kill()
        ending = asyncio.create_task(worker.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _shrink(self) -> None:
        """Those at the list's beginning have rested longest; the last one stays."""
        while True:
            await asyncio.sleep(self._config.idle / 2)
            since = asyncio.get_running_loop().time() - self._config.idle
            while len(self._resting) > 1 and self._resting[0].rested < since:
                self._drop(self._resting.pop(0))
