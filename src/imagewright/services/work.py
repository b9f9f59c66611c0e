"""One attempt at a job: the only place that calls a provider."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, repeat

from imagewright.core.ask import Action
from imagewright.core.errors import (
    Canceled,
    ConfirmationInvalid,
    Fault,
    Forbidden,
    Internal,
    NotFound,
    OutcomeUnknown,
    StorageFull,
    Unavailable,
    UnknownProvider,
    Unsupported,
)
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.core.plan import Plan, read_plan
from imagewright.core.scope import Scope
from imagewright.ports.board import News
from imagewright.ports.jobs import Lease
from imagewright.ports.provider import Economical, Order, Watch
from imagewright.services.bench import Bench
from imagewright.services.gate import Report, component_of
from imagewright.services.images import find_model
from imagewright.services.keeping import keep, verdict_of
from imagewright.services.orders import order_of
from imagewright.services.reporter import Minder, Reporter
from imagewright.services.result import (
    NOTHING_MADE,
    PASSED_ON,
    Arrived,
    Aside,
    Result,
    broken_off,
    failed,
    unknown,
)
from imagewright.services.tracking import Tracker

_log = logging.getLogger(__name__)

_MICRO = 1_000_000
_SETTLE_PAUSES = (0.2, 1.0, 3.0, 10.0, 30.0)


class Work:
    """Carries out claimed jobs; every way out of a started attempt ends in one settlement."""

    def __init__(self, bench: Bench, owner: str) -> None:
        self._bench = bench
        self.owner = owner
        self._starting: set[str] = set()
        self._started: set[str] = set()
        self._unwanted: set[str] = set()
        self._called_with: dict[str, Plan] = {}
        self._hurried = asyncio.Event()
        self._tracker = Tracker(bench)

    def unwanted(self, job: str) -> bool:
        """Note that a job was cancelled by its subject; whether its task is then to be cancelled.

        A paid order that is only asked after goes on: what the vendor made is charged.
        """
        self._unwanted.add(job)
        return not self._tracker.collects(job)

    def hurry(self) -> None:
        """Settle what is to be settled at once, or leave it to the next start."""
        self._hurried.set()

    async def carry_out(self, job: Job) -> None:
        """Decide again, mark started, call the provider, keep the pictures, settle.

        Cancelled before the start and not by its subject, or at any time where nothing can be
        charged, the job is left for recovery to queue again; cancelled later, what was made
        by then is kept and settled first. What a vendor has taken under an id of its own is put
        aside wherever its call breaks off, and asked after instead of asked for again.
        """
        try:
            await self._carry_out(job)
        finally:
            self._starting.discard(job.id)
            self._started.discard(job.id)
            self._unwanted.discard(job.id)
            self._tracker.forget(job.id)
            self._called_with.pop(job.id, None)

    async def ask_again(self, job: Job, seconds: int) -> bool:
        """Ask once more after a job of unknown outcome, for at most so many seconds.

        False where there is nothing to ask by, or it has another end by now. Raises Unavailable.
        """
        lease = Lease(owner=self.owner, until=self._bench.clock.now() + seconds * _MICRO)
        reopened = await self._bench.jobs.reopen(job, lease)
        if reopened is None:
            return False
        await self.carry_out(reopened)
        return True

    async def _carry_out(self, job: Job) -> None:
        stopped = False
        made: Arrived | Result | Aside | None
        try:
            made = await self._made(job)
        except asyncio.CancelledError:
            stopped = True
            made = self._stopped(job)
        if made is not None:
            await _to_the_end(self._finish(job, made))
        if stopped:
            raise asyncio.CancelledError

    async def _made(self, job: Job) -> Arrived | Result | Aside:
        if job.request is not None:
            collected = await self._tracker.collected(job)
            if collected is not None:
                return collected
        return await self._begun(job)

    async def _begun(self, job: Job) -> Arrived | Result | Aside:
        bench = self._bench
        try:
            if job.request is not None:
                await bench.jobs.track(job, None)
                self._tracker.forget(job.id)
            plan = read_plan(job.plan)
            order = await self._order(job, plan)
            await bench.library.room()
            self._starting.add(job.id)
            ours = await bench.jobs.start(job, self.owner, bench.clock.now())
        except Fault as fault:
            return failed(fault)
        except Exception:  # noqa: BLE001 - a hold may stand, so nothing may escape
            _log.exception("job not begun", extra={"job": job.id})
            return failed(Internal("The job could not be begun."))
        if not ours:
            return failed(Canceled("The job was cancelled before it began."), State.CANCELED)
        self._started.add(job.id)
        bench.board.post(job.id, News(stage="started"))
        return await self._called(job, order)

    async def _order(self, job: Job, plan: Plan) -> Order:
        """The order of a plan that may still be carried out. Raises a Fault where it may not."""
        bench = self._bench
        await self._decide_again(job, plan)
        if plan.provider not in bench.providers:
            raise UnknownProvider(f"The provider {plan.provider} is no longer configured.")
        model = find_model(bench.catalogue.current(), plan.provider, plan.model)
        order = await order_of(bench.library, job.caller.subject, plan, model)
        return replace(order, key=job.id, continuation=await self._continuation(job, plan))

    async def _continuation(self, job: Job, plan: Plan) -> str | None:
        """What the provider left with the image that it goes on from."""
        if not plan.resumed:
            return None
        image = plan.ask.references[0].image
        found = await self._bench.conversations.continuation(job.caller.subject, image)
        if found is None:
            raise NotFound("The conversation that this goes on from was cleared.")
        return found

    async def _called(self, job: Job, order: Order) -> Arrived | Result | Aside:
        try:
            async with asyncio.timeout(self._bench.deadline):
                return await self._passed_on(job, order)
        except TimeoutError:
            return self._tracker.broken_off(job, "The provider did not answer in time.")
        except NOTHING_MADE as fault:
            return failed(fault)
        except OutcomeUnknown as fault:
            return self._tracker.broken_off(job, fault.sentence)
        except Exception:  # noqa: BLE001 - money may have been spent, so nothing may escape
            _log.exception("provider broke", extra={"job": job.id, "provider": job.provider})
            return self._tracker.broken_off(job, "The call to the provider broke off.")

    async def _passed_on(self, job: Job, order: Order) -> Arrived | Result | Aside:
        """What the first provider brings that takes the order: the plan's, or a fallback's."""
        others = iter(order.plan.fallbacks)
        while True:
            try:
                return await self._call(job, order)
            except PASSED_ON as fault:
                following = await self._following(job, others)
                if following is None:
                    raise
                await self._tracker.disown(job)
                _log.warning(
                    "passed on",
                    extra={
                        "job": job.id,
                        "provider": order.plan.provider,
                        "to": following.plan.provider,
                        "code": fault.code,
                    },
                )
                order = following

    async def _following(self, job: Job, others: Iterator[Plan]) -> Order | None:
        """The next order that may be carried out."""
        for plan in others:
            with suppress(Fault):
                return await self._order(job, plan)
        return None

    async def _call(self, job: Job, order: Order) -> Arrived | Result | Aside:
        bench, plan = self._bench, order.plan
        reporter = Reporter(job, bench.jobs, bench.library, bench.board, bench.clock)
        decide = partial(self._decide_again, job, plan)
        watch = Minder(reporter, decide, partial(self._tracker.accepted, job, plan))
        call = self._way(job, plan)
        bench.breakers.enter(plan.provider)
        self._called_with[job.id] = plan
        error: BaseException | None = None
        try:
            return await call(order, watch)
        except BaseException as raised:
            error = raised
            if isinstance(raised, Fault) and watch.refused(raised):
                return failed(raised)
            raise
        finally:
            bench.breakers.leave(plan.provider, error)

    def _way(
        self, job: Job, plan: Plan
    ) -> Callable[[Order, Watch], Awaitable[Arrived | Result | Aside]]:
        """The call that a plan asks for."""
        provider = self._bench.providers[plan.provider]
        make = provider.edit if plan.ask.action is Action.EDIT else provider.generate

        async def now(order: Order, watch: Watch) -> Arrived:
            return Arrived(plan=plan, delivery=await make(order, watch))

        async def slowly(order: Order, watch: Watch) -> Result | Aside:
            if not isinstance(provider, Economical):
                raise Unsupported(f"The provider {plan.provider} has no batch.")
            pause = await provider.submit(order, watch)
            since = datetime.fromtimestamp(self._bench.clock.now() / _MICRO, UTC)
            await watch.stage(f"At the provider's batch since {since:%Y-%m-%d %H:%M} UTC")
            return self._tracker.broken_off(job, "The batch cannot be asked after.", pause)

        return now if plan.ask.economy is None else slowly

    async def _decide_again(self, job: Job, plan: Plan) -> None:
        bench, caller = self._bench, job.caller
        if bench.credentials is not None:
            credential = await bench.credentials.credential(caller.credential.id)
            if credential is None:
                raise Forbidden("The credential that asked for this was revoked or has expired.")
            narrowed = caller.credential.narrowed(credential.scopes)
            caller = replace(caller, credential=replace(narrowed, budget=credential.budget))
        component = component_of(plan.ask)
        allowed = bench.gate.decide(caller, component, Scope.IMAGES_WRITE).allowed
        allowed = allowed and bench.gate.decide_model(caller, plan.provider, plan.model)
        paid = job.ceiling > FREE
        if paid:
            bench.gate.check_spending(caller, plan.provider)
        if not allowed or (paid and not bench.gate.consented(caller, job.consent)):
            raise Forbidden("What allowed this was taken back before it began.")
        model = find_model(bench.catalogue.current(), plan.provider, plan.model)
        bench.gate.check_plan(caller, plan, model)
        ceiling = bench.gate.quote(plan, model).ceiling
        bench.gate.accounts.check_call(caller, plan, ceiling)
        if ceiling > job.ceiling:
            raise ConfirmationInvalid(
                "The price has risen since this was asked for; nothing was spent.",
                hint="Ask again for a new quote.",
            )

    def _stopped(self, job: Job) -> Result | Aside | None:
        if (left := self._tracker.left(job)) is not None and (
            job.ceiling > FREE or job.id not in self._unwanted
        ):
            return left
        if job.id in self._unwanted:
            if job.id not in self._started or job.ceiling == FREE:
                return failed(Canceled("The job was cancelled."), State.CANCELED)
            return unknown("The job was cancelled after its request had been sent.")
        if job.ceiling == FREE or job.id not in self._starting:
            return None
        if job.id not in self._started:
            return failed(Unavailable("The service stopped before the provider was called."))
        return unknown("The service stopped while the provider was at work.")

    async def _finish(self, job: Job, made: Arrived | Result | Aside) -> None:
        bench = self._bench
        if isinstance(made, Aside):
            if await self._put_aside(job, made):
                return
            made = broken_off(job, "What became of it could not be entered.")
        result = made if isinstance(made, Result) else await keep(self._bench.library, job, made)
        try:
            settled = await self._settle(job, result)
        except (StorageFull, Unavailable):
            raise
        except Exception:  # noqa: BLE001 - a job that is not settled would run for ever
            _log.exception("not settled as it ended", extra={"job": job.id})
            result = broken_off(job, "What became of it could not be entered.")
            settled = await self._settle(job, result)
        if not settled:
            _log.error("attempt superseded", extra={"job": job.id, "attempt": job.attempt})
            return
        began = job.created_at
        bench.telemetry.job(job.provider, result.state.value, (bench.clock.now() - began) / _MICRO)
        bench.board.post(job.id, News(stage=result.state.value, ended=True))
        with suppress(Fault):
            await bench.library.drop_partial(job.caller.subject, job.id)

    async def _put_aside(self, job: Job, aside: Aside) -> bool:
        """Leave it to be asked after. False where that can never be entered."""
        due = self._bench.clock.now() + int(aside.pause * _MICRO)
        jobs, owner = self._bench.jobs, self.owner
        try:
            if not await self._entered(job, lambda: jobs.put_aside(job, owner, aside.request, due)):
                _log.error("attempt superseded", extra={"job": job.id, "attempt": job.attempt})
        except (StorageFull, Unavailable):
            raise
        except Exception:  # noqa: BLE001 - as in `_finish`
            _log.exception("not put aside", extra={"job": job.id})
            return False
        return True

    async def _settle(self, job: Job, result: Result) -> bool:
        if result.state is State.OUTCOME_UNKNOWN:
            result.made_by = result.made_by or self._called_with.get(job.id)
        verdict = verdict_of(job, result, self.owner, self._bench.clock.now())
        report = Report(plan=result.made_by, usage=result.usage, missing=result.missing)
        return await self._entered(job, lambda: self._bench.gate.settle(job, verdict, report))

    async def _entered(self, job: Job, enter: Callable[[], Awaitable[bool]]) -> bool:
        """Enter it, trying for as long as the service runs and the database is away or full."""
        pauses = chain(_SETTLE_PAUSES, repeat(_SETTLE_PAUSES[-1]))
        while True:
            try:
                return await enter()
            except (StorageFull, Unavailable) as fault:
                _log.error("settling again", extra={"job": job.id, "code": fault.code})
                if self._hurried.is_set():
                    raise
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), next(pauses))


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Await to the end, cancelled or not; what is paid for is kept and settled."""
    task = asyncio.ensure_future(work)
    canceled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            canceled = True
    task.result()
    if canceled:
        raise asyncio.CancelledError
