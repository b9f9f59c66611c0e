"""What the server tells a client about itself, made for the caller."""

from imagewright.api.mcp.face import Face
from imagewright.core.errors import Unauthenticated
from imagewright.core.quote import Consent
from imagewright.core.scope import Scope

_ABOUT = "Makes, edits and keeps images on the team's providers. Every image belongs to you alone."
_READ = "You may look at your images (list_images, show_image); making them is not open to you."
_WRITE = (
    "generate_image and edit_image wait for the result and otherwise answer with a job: "
    "call get_job with its id. The same ask again costs nothing and returns the first result; "
    "pass variation for a new one."
)
_FREE = "Only free models are open to you."
_ASKED = "Paid models ask for consent each time, through your client."
_HUMAN = (
    "Paid models need a person's approval each time: lead your user to the approval_url of "
    "confirmation_required, then repeat the call."
)
_RELAYED = "A paid ask answers confirmation_required; repeat it with confirm set to the quote."
_UNATTENDED = "Paid models run without a question inside your budget."


def instructions(face: Face, text: str) -> str:
    """Our words for this caller, then the operator's."""
    try:
        caller = face.caller()
    except Unauthenticated:
        return "\n".join(part for part in (_ABOUT, text) if part)
    parts = [_ABOUT]
    if not face.gate.decide(caller, "generate_image", Scope.IMAGES_WRITE).allowed:
        parts.append(_READ)
    else:
        strengths = face.gate.consents(caller)
        parts.append(_WRITE)
        if not strengths:
            parts.append(_FREE)
        elif Consent.UNATTENDED in strengths:
            parts.append(_UNATTENDED)
        else:
            asked = _ASKED if Consent.CLIENT in strengths else _HUMAN
            parts.append(_RELAYED if Consent.ECHO in strengths else asked)
    return "\n".join(part for part in (*parts, text) if part)
