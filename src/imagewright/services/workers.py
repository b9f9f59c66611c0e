"""Workers: claim jobs within bounds, keep their leases, stop what is to stop."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass

from imagewright.core.errors import Fault, Internal
from imagewright.core.job import Job
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs, Lease, Own
from imagewright.ports.queue import Queue
from imagewright.services.work import Work

_log = logging.getLogger(__name__)
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRules:
    """How many jobs run at once, in all and of one subject; how long a lease lasts, in seconds.

    `sole` says that no other process works on the same database.
    """

    slots: int = 8
    running: int = 2
    lease: float = 30.0
    heartbeat: float = 1.0
    poll: float = 5.0
    sole: bool = True
    own: Own | None = None


class Workers:
    """Runs from `start` to `stop`; what it cannot finish is put right by the next `start`."""

    def __init__(
        self, work: Work, jobs: Jobs, queue: Queue, clock: Clock, rules: WorkerRules
    ) -> None:
        self._work = work
        self._jobs = jobs
        self._queue = queue
        self._clock = clock
        self._rules = rules
        self._owner = work.owner
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._idle: set[asyncio.Task[None]] = set()
        self._leases: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Put right what an earlier process left, then begin to claim."""
        await self._recover(self._clock.now(), sole=self._rules.sole)
        for _ in range(self._rules.slots):
            self._slots.append(asyncio.create_task(self._slot()))
        self._leases = asyncio.create_task(self._keep_leases())

    async def stop(self, drain: float) -> None:
        """Claim nothing more; await running jobs up to `drain` seconds, then break them off.

        May be called again, with a shorter time, while the first call waits.
        """
        self._stopping = True
        for slot in self._idle:
            slot.cancel()
        if working := {slot for slot in self._slots if not slot.done()}:
            await asyncio.wait(working, timeout=drain)
        self._work.hurry()
        left = [*self._tasks.values(), *self._slots]
        if self._leases is not None:
            left.append(self._leases)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    @property
    def running(self) -> int:
        """How many jobs are being carried out here."""
        return len(self._tasks)

    async def _recover(self, now: int, *, sole: bool) -> None:
        try:
            found = await self._jobs.recover(now, sole=sole)
        except Exception as fault:  # noqa: BLE001 - tried again with the next lease
            _log.error(
                "jobs not recovered", extra={"code": _code(fault)}, exc_info=_unless_told(fault)
            )
            return
        if found.requeued or found.unknown or found.aside:
            _log.warning(
                "jobs recovered",
                extra={
                    "requeued": len(found.requeued),
                    "unknown": len(found.unknown),
                    "aside": len(found.aside),
                },
            )

    async def _slot(self) -> None:
        while not self._stopping:
            try:
                job = await self._claim()
            except Exception as fault:  # noqa: BLE001 - a slot that ended would never be missed
                _log.error(
                    "no job could be claimed",
                    extra={"code": _code(fault)},
                    exc_info=_unless_told(fault),
                )
                await self._rest(asyncio.sleep(self._rules.heartbeat))
                continue
            if job is None:
                await self._rest(self._queue.wait(self._rules.poll))
            else:
                await self._run(job)

    async def _rest(self, pause: Coroutine[None, None, None]) -> None:
        """Wait where a stop need not be waited for."""
        slot = asyncio.current_task()
        if slot is None or self._stopping:
            pause.close()
            return
        self._idle.add(slot)
        try:
            await pause
        finally:
            self._idle.discard(slot)

    async def _claim(self) -> Job | None:
        now = self._clock.now()
        lease = Lease(owner=self._owner, until=now + int(self._rules.lease * _MICRO))
        return await self._jobs.claim(lease, self._rules.running, now, self._rules.own)

    async def _run(self, job: Job) -> None:
        task = asyncio.create_task(self._work.carry_out(job))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        await asyncio.wait({task})
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("job not settled", extra={"job": job.id}, exc_info=fault)

    async def _keep_leases(self) -> None:
        recovered = self._clock.monotonic()
        while True:
            await asyncio.sleep(self._rules.heartbeat)
            now = self._clock.now()
            if self._tasks and not await self._renew(now):
                continue
            # Only now, and as of the renewal: a long pause does not make lost what runs here.
            if self._clock.monotonic() - recovered >= self._rules.lease:
                recovered = self._clock.monotonic()
                await self._recover(now, sole=False)

    async def _renew(self, now: int) -> bool:
        until = now + int(self._rules.lease * _MICRO)
        try:
            unwanted = await self._jobs.renew(Lease(owner=self._owner, until=until))
        except Exception as fault:  # noqa: BLE001 - tried again with the next beat
            _log.error(
                "leases not renewed", extra={"code": _code(fault)}, exc_info=_unless_told(fault)
            )
            return False
        for job in unwanted & self._tasks.keys():
            if not self._tasks[job].cancelling() and self._work.unwanted(job):
                self._tasks[job].cancel()
        return True


def _unless_told(fault: Exception) -> Exception | None:
    """What to show the stack of: a fault of ours says all by its sentence."""
    return None if isinstance(fault, Fault) else fault


def _code(fault: Exception) -> str:
    return fault.code if isinstance(fault, Fault) else Internal.code
