"""What an attempt at a job has come to, before it is settled."""

from dataclasses import dataclass, field

from imagewright.core.conversation import Turn
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.image import Image
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.core.plan import Plan
from imagewright.core.spending import NONE_MISSING, Missing, Settled, Usage
from imagewright.ports.provider import Delivery

NOTHING_MADE = (
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


PASSED_ON = (ProviderBusy, ProviderMisconfigured, ProviderQuota, ProviderUnavailable)
"""Those that another provider may not meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a provider delivered, and the plan that it carried out."""

    plan: Plan
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """An order that its vendor has: it is asked after once `pause` seconds are over."""

    request: str = field(repr=False)
    pause: float = 0.0


@dataclass(slots=True, kw_only=True)
class Result:
    """`settled` None leaves the cost to the gate; `made_by` is the plan that was carried out."""

    state: State
    settled: Settled | None = None
    fault: Fault | None = None
    images: list[Image] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    usage: Usage | None = None
    request: str | None = None
    failures: dict[int, str] = field(default_factory=dict)
    missing: Missing = NONE_MISSING
    made_by: Plan | None = None


def failed(fault: Fault, state: State = State.FAILED) -> Result:
    """It ended, and costs nothing."""
    return Result(state=state, settled=Settled(amount=FREE), fault=fault)


def unknown(sentence: str) -> Result:
    """Nobody knows how it ended, so its hold stays."""
    return Result(state=State.OUTCOME_UNKNOWN, fault=OutcomeUnknown(sentence))


def broken_off(job: Job, sentence: str) -> Result:
    """What nobody knows the end of; where nothing can be charged it has simply failed."""
    if job.ceiling == FREE:
        return failed(ProviderUnavailable(sentence, hint="Try again later."))
    return unknown(sentence)


def delivered(delivery: Delivery, plan: Plan) -> Result:
    """What came, before any of it is kept, and what is known of the rest."""
    unsure = sum(not isinstance(fault, NOTHING_MADE) for fault in delivery.failures.values())
    return Result(
        state=State.SUCCEEDED,
        usage=delivery.usage,
        request=delivery.request,
        failures={index: fault.code for index, fault in delivery.failures.items()},
        missing=Missing(spared=len(delivery.failures) - unsure, unsure=unsure),
        made_by=plan,
    )


def why_none(delivery: Delivery) -> Fault:
    """The fault of a job of whose pictures none could be kept."""
    told = [delivery.failures[index] for index in sorted(delivery.failures)]
    if told and not delivery.pictures:
        return told[0]
    return ProviderBadAnswer("The provider sent nothing that could be kept.")


def instead(job: Job, result: Result) -> dict[str, str]:
    """Who made it, where that is not whom the ask was first planned for."""
    plan = result.made_by
    if plan is None or (plan.provider, plan.model) == (job.provider, job.model):
        return {}
    return {"provider": plan.provider, "model": plan.model}
