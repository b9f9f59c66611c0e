"""What of the calls of the MCP face is told to the witness."""

from collections.abc import Mapping

from fastmcp import Context

from imagewright.api.mcp.face import Face, origin_of
from imagewright.core.errors import (
    BudgetExceeded,
    Busy,
    ConfirmationDeclined,
    ConfirmationInvalid,
    Fault,
    Forbidden,
    Unpriced,
)
from imagewright.core.ids import Kind, is_id
from imagewright.core.image import named_image
from imagewright.services.witness import Act

RESOURCE = "resource"
"""What the ACL and the audit call every resource: none is granted by its name."""
_OUTCOMES: Mapping[type[Fault], str] = {
    Forbidden: "denied",
    BudgetExceeded: "denied",
    Unpriced: "denied",
    ConfirmationInvalid: "denied",
    ConfirmationDeclined: "declined",
    Busy: "limited",
}
"""The faults that are decisions about a caller, and what came of the call."""

Given = Mapping[str, object]


def heed(face: Face, ctx: Context, component: str, given: Given, fault: Fault) -> None:
    """Tell of a call that ended in a refusal; any other fault is none."""
    outcome = _OUTCOMES.get(type(fault))
    if outcome is None:
        return
    limit = fault.details.get("limit") if isinstance(fault, Forbidden) else None
    reason = limit if isinstance(limit, str) else fault.code
    act = Act(
        action="call",
        thing=component,
        outcome=outcome,
        reason=reason,
        origin=origin_of(ctx),
        shape=face.shaper.arguments(given),
    )
    face.witness.refused(face.caller(), act)


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
        if isinstance(value, str) and is_id(Kind.JOB, value):
            return value
        if isinstance(value, str) and (image := named_image(value)) is not None:
            return image
    return None
