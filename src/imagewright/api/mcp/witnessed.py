"""What of the calls of the MCP face is told to the witness."""

from collections.abc import Mapping

from fastmcp import Context

from imagewright.api.mcp.face import Face, origin_of
from imagewright.core.ask import AUTO
from imagewright.core.errors import (
    BudgetExceeded,
    Busy,
    ConfirmationDeclined,
    ConfirmationInvalid,
    Fault,
    Forbidden,
    QuotaExceeded,
    RateLimited,
    StorageQuota,
    UnknownModel,
    UnknownProvider,
    Unpriced,
)
from imagewright.core.ids import Kind, is_id
from imagewright.core.image import named_image
from imagewright.services.witness import Act

RESOURCE = "resource"
"""What the ACL and the audit call every resource: none is granted by its name."""
PROMPT = "prompt"
"""Likewise for prompts."""
REQUEST = "request"
"""What the audit calls a request that was refused before it was looked at."""
_OUTCOMES: Mapping[type[Fault], str] = {
    Forbidden: "denied",
    BudgetExceeded: "denied",
    Unpriced: "denied",
    ConfirmationInvalid: "denied",
    ConfirmationDeclined: "declined",
    Busy: "limited",
    RateLimited: "limited",
    QuotaExceeded: "limited",
    StorageQuota: "limited",
}
"""The faults that are decisions about a caller, and what came of the call."""

Given = Mapping[str, object]


def heed(face: Face, ctx: Context, component: str, given: Given, fault: Fault) -> None:
    """Tell of a call that ended in a refusal; any other fault is none."""
    outcome = _OUTCOMES.get(type(fault))
    reason = _reason(fault)
    if isinstance(fault, UnknownProvider | UnknownModel):
        # Told to the caller as what never was; here it is told apart from what truly is not.
        names = [str(given.get(name) or AUTO) for name in ("provider", "model")]
        outcome = "denied" if face.images.barred(face.caller(), *names) else None
    if outcome is None:
        return
    act = Act(
        action="call",
        thing=component,
        outcome=outcome,
        reason=reason,
        origin=origin_of(ctx),
        shape=face.shaper.arguments(given),
    )
    face.witness.refused(face.caller(), act)


def _reason(fault: Fault) -> str:
    """One word for why: the limit that was met, or the fault's code."""
    limit = fault.details.get("limit") if isinstance(fault, Forbidden) else None
    barred = {UnknownProvider: "provider", UnknownModel: "model"}
    return limit if isinstance(limit, str) else barred.get(type(fault), fault.code)


def denied(face: Face, ctx: Context, component: str, given: Given, reason: str) -> None:
    """Tell of a call of something that the caller may not even see."""
    act = Act(
        action="call",
        thing=component,
        outcome="denied",
        reason=reason,
        origin=origin_of(ctx),
        shape=face.shaper.arguments(given),
    )
    face.witness.refused(face.caller(), act)


def allowed(face: Face, ctx: Context, component: str, given: Given) -> None:
    """Tell of a read that was allowed, where the operator asks for them."""
    if not face.witness.reads:
        return
    target = _target(given)
    act = Act(
        action="read",
        thing=f"{component}:{target}" if target else component,
        outcome="allowed",
        reason="granted",
        origin=origin_of(ctx),
        shape=face.shaper.arguments(given),
    )
    face.witness.allowed(face.caller(), act)


def _target(given: Given) -> str | None:
    """The id of the image or job that is read; whatever else was written there is not kept."""
    for value in given.values():
        if isinstance(value, str) and (is_id(Kind.JOB, value) or is_id(Kind.GROUP, value)):
            return value
        if isinstance(value, str) and (image := named_image(value)) is not None:
            return image
    return None
