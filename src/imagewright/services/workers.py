"""Workers: claim jobs within bounds, keep their leases, stop what is to stop."""

import asyncio
import logging
from dataclasses import dataclass

from imagewright.core.errors import Fault
from imagewright.core.job import Job
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs, Lease
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
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Put right what an earlier process left, then begin to claim."""
        await self._recover(sole=self._rules.sole)
        self._loops = [asyncio.create_task(self._slot()) for _ in range(self._rules.slots)]
        self._loops.append(asyncio.create_task(self._keep_leases()))

    async def stop(self, drain: float) -> None:
        """Claim nothing more; await running jobs up to `drain` seconds, then break them off."""
        self._stopping = True
        running = list(self._tasks.values())
        if running:
            await asyncio.wait(running, timeout=drain)
        for task in [*self._tasks.values(), *self._loops]:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._loops, return_exceptions=True)

    @property
    def running(self) -> int:
        """How many jobs are being carried out here."""
        return len(self._tasks)

    async def _recover(self, *, sole: bool) -> None:
        try:
            found = await self._jobs.recover(self._clock.now(), sole=sole)
        except Fault as fault:
            _log.error("jobs not recovered", extra={"code": fault.code})
            return
        if found.requeued or found.unknown:
            _log.warning(
                "jobs recovered",
                extra={"requeued": len(found.requeued), "unknown": len(found.unknown)},
            )

    async def _slot(self) -> None:
        while not self._stopping:
            try:
                job = await self._claim()
            except Fault as fault:
                _log.error("no job could be claimed", extra={"code": fault.code})
                await asyncio.sleep(self._rules.heartbeat)
                continue
            if job is None:
                await self._queue.wait(self._rules.poll)
            else:
                await self._run(job)

    async def _claim(self) -> Job | None:
        now = self._clock.now()
        lease = Lease(owner=self._owner, until=now + int(self._rules.lease * _MICRO))
        return await self._jobs.claim(lease, self._rules.running, now)

    async def _run(self, job: Job) -> None:
        task = asyncio.create_task(self._work.carry_out(job))
        self._tasks[job.id] = task
        try:
            await asyncio.wait({task})
        finally:
            del self._tasks[job.id]
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("job not settled", extra={"job": job.id}, exc_info=fault)

    async def _keep_leases(self) -> None:
        recovered = self._clock.monotonic()
        while True:
            await asyncio.sleep(self._rules.heartbeat)
            if self._clock.monotonic() - recovered >= self._rules.lease:
                recovered = self._clock.monotonic()
                await self._recover(sole=False)
            if not self._tasks:
                continue
            until = self._clock.now() + int(self._rules.lease * _MICRO)
            try:
                unwanted = await self._jobs.renew(Lease(owner=self._owner, until=until))
            except Fault as fault:
                _log.error("leases not renewed", extra={"code": fault.code})
                continue
            for job in unwanted & self._tasks.keys():
                self._work.unwanted(job)
                self._tasks[job].cancel()
