"""Orders that a vendor has taken: remembered, and asked after until it tells what came of them."""

import asyncio
import logging
from functools import partial

from imagewright.core.errors import Canceled, Fault, OutcomeUnknown, StorageFull, Unavailable
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.core.plan import Plan, read_plan
from imagewright.core.taken import Taken, read_taken
from imagewright.ports.provider import MAX_REQUEST, NotYet, Order, Tracking
from imagewright.services.bench import Bench
from imagewright.services.reporter import Minder, Reporter
from imagewright.services.result import (
    NOTHING_MADE,
    Arrived,
    Aside,
    Result,
    broken_off,
    failed,
    unknown,
)

_log = logging.getLogger(__name__)
_MICRO = 1_000_000
_PAUSE = 15.0
"""Seconds before an order is asked after whose call broke off."""
_PATIENCE = 24 * 3600 * _MICRO
"""How long an order is asked after from its start, where its vendor tells nothing."""


class Tracker:
    """What the vendors have taken of the jobs that run here."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._taken: dict[str, str] = {}
        self._collecting: set[str] = set()

    def collects(self, job: str) -> bool:
        """Whether it is a paid one that is only asked after, so that breaking it off saves none."""
        return job in self._collecting

    def forget(self, job: str) -> None:
        """Its attempt is over."""
        self._taken.pop(job, None)
        self._collecting.discard(job)

    async def accepted(self, job: Job, plan: Plan, request: str) -> None:
        """Remember by what the provider of a plan asks after its order; `Watch.accepted`."""
        if self._tracking(plan.provider) is None:
            return
        if len(request) > MAX_REQUEST:
            _log.error("request too long", extra={"job": job.id, "provider": plan.provider})
            return
        taken = Taken(provider=plan.provider, model=plan.model, request=request).text()
        self._taken[job.id] = taken
        try:
            await self._bench.jobs.track(job, taken)
        except Exception as fault:  # noqa: BLE001 - what fails here is not the provider's call
            code = getattr(fault, "code", type(fault).__name__)
            _log.warning("request not entered", extra={"job": job.id, "code": code})

    async def disown(self, job: Job) -> None:
        """Another provider takes the order; the first has made nothing of it.

        Raises Unavailable, and then the order is to go no further.
        """
        if job.id in self._taken:
            await self._bench.jobs.track(job, None)
            self.forget(job.id)

    def left(self, job: Job) -> Aside | None:
        """What can be asked after at once, by whoever is there; None where nothing can."""
        taken = self._taken.get(job.id)
        return None if taken is None else Aside(request=taken)

    def broken_off(self, job: Job, sentence: str, pause: float = _PAUSE) -> Result | Aside:
        """What can be asked after a while later, or else has no known end."""
        taken = self._taken.get(job.id)
        if taken is None:
            return broken_off(job, sentence)
        return Aside(request=taken, pause=pause)

    async def collected(self, job: Job) -> Arrived | Result | Aside | None:
        """What came of an order taken earlier; None where it may be made anew, at no cost."""
        request, free = job.request or "", job.ceiling == FREE
        if job.cancel and free:
            return failed(Canceled("The job was cancelled."), State.CANCELED)
        taken = read_taken(request)
        plan = taken.plan(read_plan(job.plan))
        provider = self._tracking(taken.provider)
        if plan is None or provider is None:
            return None if free else broken_off(job, "Its provider can no longer be asked.")
        self._taken[job.id] = request
        if not free:
            self._collecting.add(job.id)
        found = await self._outcome(job, plan, provider)
        if isinstance(found, Result):
            found.made_by = plan
        return None if free and _lost(found) else found

    def _tracking(self, name: str) -> Tracking | None:
        provider = self._bench.providers.get(name)
        if provider is not None and isinstance(provider, Tracking):
            return provider
        return None

    async def _outcome(self, job: Job, plan: Plan, provider: Tracking) -> Arrived | Result | Aside:
        try:
            return await self._asked(job, plan, provider)
        except NotYet as told:
            return self._later(job, plan, told.pause)
        except (TimeoutError, StorageFull, Unavailable):
            return self._later(job, plan, _PAUSE)
        except OutcomeUnknown as fault:
            return unknown(fault.sentence)
        except NOTHING_MADE as fault:
            return _nothing_made(job, fault)
        except Exception:  # noqa: BLE001 - money was spent, so nothing may escape
            _log.exception("not collected", extra={"job": job.id, "provider": plan.provider})
            return unknown("What the provider made could not be read.")

    async def _asked(self, job: Job, plan: Plan, provider: Tracking) -> Arrived:
        bench = self._bench
        await bench.library.room()
        reporter = Reporter(job, bench.jobs, bench.library, bench.board, bench.clock)
        watch = Minder(reporter, _nothing, partial(self.accepted, job, plan))
        until = bench.clock.now() if job.cancel else _until(job, plan)
        order = Order(plan=plan, references=(), mask=None, key=job.id, until=until)
        async with asyncio.timeout(bench.deadline):
            taken = read_taken(self._taken[job.id])
            return Arrived(plan=plan, delivery=await provider.collect(order, taken.request, watch))

    def _later(self, job: Job, plan: Plan, pause: float) -> Result | Aside:
        began = job.created_at if job.started_at is None else job.started_at
        due = _until(job, plan)
        if self._bench.clock.now() >= (began if due is None else due) + _PATIENCE:
            return unknown("The provider did not tell in time what became of it.")
        return Aside(request=self._taken[job.id], pause=pause)


def _until(job: Job, plan: Plan) -> int | None:
    """When an order is to be done that may take hours: they are counted from the asking."""
    hours = plan.ask.economy
    return None if hours is None else job.created_at + hours * 3600 * _MICRO


def _nothing_made(job: Job, fault: Fault) -> Result:
    if job.cancel:
        return failed(Canceled("The job was cancelled."), State.CANCELED)
    return failed(fault)


def _lost(found: Arrived | Result | Aside) -> bool:
    return isinstance(found, Result) and found.state is State.OUTCOME_UNKNOWN


async def _nothing() -> None:
    """Nothing is made where an order is asked after, so nothing needs to be allowed."""
