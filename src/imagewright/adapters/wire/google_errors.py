"""What an error answer of a Google API proves: `google.rpc.Status` as JSON (google-genai 3.3).

    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "...", "details": [...]}}

The status decides as in `wire.refusals`, but for what Google says in other places: a bad key is a
400 with the reason API_KEY_INVALID, and the wait asked for stands in `details` (RetryInfo). An
account without money is a 429 like a rate limit, and only its message tells the two apart.
"""

import re
from dataclasses import dataclass

from imagewright.adapters.web.client import Answer
from imagewright.adapters.wire.line import Judgement
from imagewright.adapters.wire.refusals import quota, refusal
from imagewright.adapters.wire.results import read_object
from imagewright.adapters.wire.retrying import asked_pause, may_repeat
from imagewright.core.errors import Fault, ProviderMisconfigured

_DEPLETED = "prepayment credits are depleted"
_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleError:
    """The error as the API itself words it. For our judgement only; never shown."""

    status: str = ""
    reasons: frozenset[str] = frozenset()
    delay: float | None = None
    depleted: bool = False


def judge(answer: Answer, model: str, now: float) -> Judgement:
    """What an answer whose status is not 200 proves; `now` is in seconds since 1970."""
    error = read_google_error(answer.body)
    known = error or GoogleError()
    pause = asked_pause(answer.headers, now)
    pause = known.delay if pause is None else pause
    return Judgement(
        fault=_special(answer, known, model) or refusal(answer, model=model, asked_pause=pause),
        repeatable=not known.depleted
        and may_repeat(answer.status, answer.headers, own_error=error is not None),
        pause=pause,
    )


def read_google_error(body: bytes) -> GoogleError | None:
    """The error that an answer states, or None where it states none of this form."""
    found = (read_object(body) or {}).get("error")
    if not isinstance(found, dict):
        return None
    listed = found.get("details")
    listed = listed if isinstance(listed, list) else []
    details = [each for each in listed if isinstance(each, dict)]
    reasons = {each["reason"] for each in details if isinstance(each.get("reason"), str)}
    delays = [_seconds(each.get("retryDelay")) for each in details]
    status = found.get("status")
    return GoogleError(
        status=status if isinstance(status, str) else "",
        reasons=frozenset(reasons),
        delay=next((delay for delay in delays if delay is not None), None),
        depleted=_DEPLETED in str(found.get("message")).lower(),
    )


def _special(answer: Answer, error: GoogleError, model: str) -> Fault | None:
    if not 400 <= answer.status < 500:
        return None
    if error.depleted:
        return quota()
    if any(reason.startswith("API_KEY_") for reason in error.reasons):
        return ProviderMisconfigured(
            "The provider refuses the operator's key.", hint="Ask the operator to check the key."
        )
    if error.status == "FAILED_PRECONDITION":
        return ProviderMisconfigured(
            "The provider does not serve the operator's account as it is.",
            hint="Ask the operator to check its billing and where the service runs.",
        )
    if error.status == "NOT_FOUND":
        return ProviderMisconfigured(
            f"The provider does not know the model {model}, or not for the operator's account.",
            hint="Choose another model, or ask the operator to check this one.",
            details={"model": model},
        )
    return None


def _seconds(value: object) -> float | None:
    """A duration as proto3 JSON writes it: `38s`."""
    found = _DELAY.match(value) if isinstance(value, str) else None
    return float(found[1]) if found else None
