"""One attempt at a job: the only place that calls a provider."""

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain, count, repeat, takewhile

from imagewright.core.ask import Action, Reference
from imagewright.core.errors import (
    Canceled,
    ConfirmationInvalid,
    Fault,
    Forbidden,
    Internal,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    StorageFull,
    Unavailable,
    UnknownProvider,
    Unsupported,
)
from imagewright.core.image import Image, Origin, Parent, Role
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.core.picture import Format, Rendition
from imagewright.core.plan import Plan, read_plan
from imagewright.core.scope import Scope
from imagewright.core.spending import NONE_MISSING, Missing, Settled, Usage
from imagewright.core.verdict import Verdict
from imagewright.ports.auth import Authenticator
from imagewright.ports.board import Board, News
from imagewright.ports.catalogue import CatalogueSource
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs
from imagewright.ports.provider import Delivery, Input, Made, Order, Provider
from imagewright.ports.telemetry import Telemetry
from imagewright.services.gate import COMPONENTS, Gate
from imagewright.services.images import find_model
from imagewright.services.library import Label, LibraryService
from imagewright.services.reporter import Minder, Reporter

_log = logging.getLogger(__name__)

_MICRO = 1_000_000
_NOTHING = Settled(amount=FREE)
_NOTHING_MADE = (
    ModerationBlocked,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
"""Raised by a provider where it is certain that nothing is charged; no other fault proves that."""
_SETTLE_PAUSES = (0.2, 1.0, 3.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a worker works with. `deadline` is the seconds a provider may take for one job."""

    gate: Gate
    jobs: Jobs
    library: LibraryService
    credentials: Authenticator | None
    board: Board
    clock: Clock
    telemetry: Telemetry
    catalogue: CatalogueSource
    providers: Mapping[str, Provider]
    deadline: float = 900.0


@dataclass(slots=True, kw_only=True)
class _Result:
    """What an attempt has come to; `settled` None leaves the cost to the gate."""

    state: State
    settled: Settled | None = None
    fault: Fault | None = None
    images: list[Image] = field(default_factory=list)
    usage: Usage | None = None
    request: str | None = None
    failures: dict[int, str] = field(default_factory=dict)
    missing: Missing = NONE_MISSING


class Work:
    """Carries out claimed jobs; every way out of a started attempt ends in one settlement."""

    def __init__(self, bench: Bench, owner: str) -> None:
        self._bench = bench
        self.owner = owner
        self._starting: set[str] = set()
        self._started: set[str] = set()
        self._unwanted: set[str] = set()
        self._hurried = asyncio.Event()

    def unwanted(self, job: str) -> None:
        """Note that a job was cancelled by its subject, before its task is cancelled."""
        self._unwanted.add(job)

    def hurry(self) -> None:
        """Settle what is to be settled at once, or leave it to the next start."""
        self._hurried.set()

    async def carry_out(self, job: Job) -> None:
        """Decide again, mark started, call the provider, keep the pictures, settle.

        Cancelled before the start and not by its subject, or at any time where nothing can be
        charged, the job is left for recovery to queue again; cancelled later, what was made
        by then is kept and settled first.
        """
        try:
            await self._carry_out(job)
        finally:
            self._starting.discard(job.id)
            self._started.discard(job.id)
            self._unwanted.discard(job.id)

    async def _carry_out(self, job: Job) -> None:
        stopped = False
        made: Delivery | _Result | None
        try:
            made = await self._made(job)
        except asyncio.CancelledError:
            stopped = True
            made = self._stopped(job)
        if made is not None:
            await _to_the_end(self._finish(job, made))
        if stopped:
            raise asyncio.CancelledError

    async def _made(self, job: Job) -> Delivery | _Result:
        bench = self._bench
        try:
            plan = read_plan(job.plan)
            await self._decide_again(job, plan)
            provider = self._provider(plan)
            order = await self._order(job, plan)
            await bench.library.room()
            self._starting.add(job.id)
            ours = await bench.jobs.start(job, self.owner, bench.clock.now())
        except Fault as fault:
            return _failed(fault)
        except Exception:  # noqa: BLE001 - a hold may stand, so nothing may escape
            _log.exception("job not begun", extra={"job": job.id})
            return _failed(Internal("The job could not be begun."))
        if not ours:
            return _failed(Canceled("The job was cancelled before it began."), State.CANCELED)
        self._started.add(job.id)
        return await self._called(job, provider, order)

    async def _called(self, job: Job, provider: Provider, order: Order) -> Delivery | _Result:
        try:
            async with asyncio.timeout(self._bench.deadline):
                return await self._call(job, provider, order)
        except TimeoutError:
            return _broken_off(job, "The provider did not answer in time.")
        except _NOTHING_MADE as fault:
            return _failed(fault)
        except OutcomeUnknown as fault:
            return _broken_off(job, fault.sentence)
        except Exception:  # noqa: BLE001 - money may have been spent, so nothing may escape
            _log.exception("provider broke", extra={"job": job.id, "provider": job.provider})
            return _broken_off(job, "The call to the provider broke off.")

    async def _call(self, job: Job, provider: Provider, order: Order) -> Delivery | _Result:
        bench = self._bench
        reporter = Reporter(job, bench.jobs, bench.library, bench.board, bench.clock)
        watch = Minder(reporter, partial(self._decide_again, job, order.plan))
        bench.board.post(job.id, News(stage="started"))
        call = provider.edit if order.plan.ask.action is Action.EDIT else provider.generate
        try:
            return await call(order, watch)
        except Fault as fault:
            if watch.refused(fault):
                return _failed(fault)
            raise

    async def _decide_again(self, job: Job, plan: Plan) -> None:
        bench, caller = self._bench, job.caller
        if bench.credentials is not None:
            credential = await bench.credentials.credential(caller.credential.id)
            if credential is None:
                raise Forbidden("The credential that asked for this was revoked or has expired.")
            caller = replace(caller, credential=caller.credential.narrowed(credential.scopes))
        component = COMPONENTS[plan.ask.action]
        allowed = bench.gate.decide(caller, component, Scope.IMAGES_WRITE).allowed
        allowed = allowed and bench.gate.decide_model(caller, plan.provider, plan.model)
        paid = job.ceiling > FREE
        if paid:
            bench.gate.check_spending(caller, plan.provider)
        if not allowed or (paid and job.consent not in bench.gate.consents(caller)):
            raise Forbidden("What allowed this was taken back before it began.")
        model = find_model(bench.catalogue.current(), plan.provider, plan.model)
        bench.gate.check_plan(caller, plan, model)
        if bench.gate.quote(plan, model).ceiling > job.ceiling:
            raise ConfirmationInvalid(
                "The price has risen since this was asked for; nothing was spent.",
                hint="Ask again for a new quote.",
            )

    def _provider(self, plan: Plan) -> Provider:
        provider = self._bench.providers.get(plan.provider)
        if provider is None:
            raise UnknownProvider(f"The provider {plan.provider} is no longer configured.")
        return provider

    async def _order(self, job: Job, plan: Plan) -> Order:
        inputs = [await self._input(job, plan, reference) for reference in plan.ask.references]
        mask = await self._mask(job, plan.ask.mask) if plan.ask.mask else None
        return Order(plan=plan, references=tuple(inputs), mask=mask, key=job.id)

    async def _mask(self, job: Job, reference: Reference) -> Input:
        read = await self._bench.library.mask(job.caller.subject, reference.image)
        return Input(data=read.data, format=Format.PNG)

    async def _input(self, job: Job, plan: Plan, reference: Reference) -> Input:
        library, subject = self._bench.library, job.caller.subject
        model = find_model(self._bench.catalogue.current(), plan.provider, plan.model)
        if reference.format in model.inputs:
            _, data = await library.original(subject, reference.image)
            return Input(data=data, format=reference.format)
        made = await library.view(subject, reference.image, Rendition(format=Format.PNG))
        return Input(data=made.data, format=Format.PNG)

    def _stopped(self, job: Job) -> _Result | None:
        if job.id in self._unwanted:
            if job.id not in self._started or job.ceiling == FREE:
                return _failed(Canceled("The job was cancelled."), State.CANCELED)
            return _unknown("The job was cancelled after its request had been sent.")
        if job.ceiling == FREE or job.id not in self._starting:
            return None
        if job.id not in self._started:
            return _failed(Unavailable("The service stopped before the provider was called."))
        return _unknown("The service stopped while the provider was at work.")

    async def _finish(self, job: Job, made: Delivery | _Result) -> None:
        bench = self._bench
        result = made if isinstance(made, _Result) else await self._keep(job, made)
        try:
            settled = await self._settle(job, result)
        except (StorageFull, Unavailable):
            raise
        except Exception:  # noqa: BLE001 - a job that is not settled would run for ever
            _log.exception("not settled as it ended", extra={"job": job.id})
            result = _broken_off(job, "What became of it could not be entered.")
            settled = await self._settle(job, result)
        if not settled:
            _log.error("attempt superseded", extra={"job": job.id, "attempt": job.attempt})
            return
        began = job.created_at
        bench.telemetry.job(job.provider, result.state.value, (bench.clock.now() - began) / _MICRO)
        bench.board.post(job.id, News(stage=result.state.value, ended=True))
        with suppress(Fault):
            await bench.library.drop_partial(job.caller.subject, job.id)

    async def _settle(self, job: Job, result: _Result) -> bool:
        """Enter it, trying for as long as the service runs and the database is away or full."""
        verdict = self._verdict(job, result)
        pauses = chain(_SETTLE_PAUSES, repeat(_SETTLE_PAUSES[-1]))
        while True:
            try:
                return await self._bench.gate.settle(job, verdict, result.usage, result.missing)
            except (StorageFull, Unavailable) as fault:
                _log.error("settling again", extra={"job": job.id, "code": fault.code})
                if self._hurried.is_set():
                    raise
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), next(pauses))

    async def _keep(self, job: Job, delivery: Delivery) -> _Result:
        plan = read_plan(job.plan)
        result = _delivered(delivery)
        places = (index for index in count() if index not in delivery.failures)
        for made, index in zip(delivery.pictures, places, strict=False):
            try:
                label = _label(job, plan, index, made)
                image = await self._bench.library.keep(job.caller.subject, made.data, label)
            except Fault as fault:
                _log.warning("picture not kept", extra={"job": job.id, "code": fault.code})
                result.failures[index] = fault.code
            except Exception:  # noqa: BLE001 - the other pictures are still to be kept
                _log.exception("picture not kept", extra={"job": job.id})
                result.failures[index] = Internal.code
            else:
                result.images.append(image)
        for index in takewhile(lambda index: index < plan.ask.n, places):
            result.failures[index] = ProviderBadAnswer.code
        if not result.images:
            result.state = State.FAILED
            result.fault = _why_none(delivery)
        return result

    def _verdict(self, job: Job, result: _Result) -> Verdict:
        return Verdict(
            job=job.id,
            owner=self.owner,
            attempt=job.attempt,
            state=result.state,
            at=self._bench.clock.now(),
            settled=result.settled,
            images=tuple(result.images),
            error_code=result.fault.code if result.fault else None,
            error_sentence=result.fault.sentence if result.fault else None,
            outcome=json.dumps(
                {
                    "usage": asdict(result.usage) if result.usage else None,
                    "request": result.request,
                    "failures": result.failures,
                }
            ),
        )


def _delivered(delivery: Delivery) -> _Result:
    """What came, before any of it is kept, and what is known of the rest."""
    unsure = sum(not isinstance(fault, _NOTHING_MADE) for fault in delivery.failures.values())
    return _Result(
        state=State.SUCCEEDED,
        usage=delivery.usage,
        request=delivery.request,
        failures={index: fault.code for index, fault in delivery.failures.items()},
        missing=Missing(spared=len(delivery.failures) - unsure, unsure=unsure),
    )


def _why_none(delivery: Delivery) -> Fault:
    told = [delivery.failures[index] for index in sorted(delivery.failures)]
    if told and not delivery.pictures:
        return told[0]
    return ProviderBadAnswer("The provider sent nothing that could be kept.")


def _failed(fault: Fault, state: State = State.FAILED) -> _Result:
    return _Result(state=state, settled=_NOTHING, fault=fault)


def _broken_off(job: Job, sentence: str) -> _Result:
    """What nobody knows the end of; where nothing can be charged it has simply failed."""
    if job.ceiling == FREE:
        return _failed(ProviderUnavailable(sentence, hint="Try again later."))
    return _unknown(sentence)


def _unknown(sentence: str) -> _Result:
    return _Result(state=State.OUTCOME_UNKNOWN, fault=OutcomeUnknown(sentence))


def _label(job: Job, plan: Plan, index: int, made: Made) -> Label:
    ask = plan.ask
    parents = [
        Parent(image=reference.image, role=Role.REFERENCE, position=position)
        for position, reference in enumerate(ask.references)
    ]
    if ask.mask is not None:
        parents.append(Parent(image=ask.mask.image, role=Role.MASK, position=len(parents)))
    return Label(
        origin=Origin.EDITED if ask.action is Action.EDIT else Origin.GENERATED,
        job=job.id,
        index=index,
        provider=plan.provider,
        model=plan.model,
        prompt=ask.prompt,
        revised_prompt=made.revised_prompt,
        seed=made.seed,
        asked_size=str(plan.size or ask.size),
        tags=ask.tags,
        folder=ask.folder,
        filename=ask.filename,
        parents=tuple(parents),
    )


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
