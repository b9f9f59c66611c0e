"""What an OpenAI-shaped answer with another status than 200 proves, and the fault it becomes.

The question behind each line is whether something may have been made and charged:

* 4xx: no. The API judged the request and refused it. One exception is 408, which by RFC 9110 says
  that the request never came whole, but which relays (litellm's `Timeout`) answer
  when their upstream took too long; unless the API's own error object and
  `x-should-retry: true` vouch for it, the outcome is unknown.
* 500, 502, 503, 529 with an error object of the API: no. It speaks for the request as a whole,
  and pictures are billed with the answer that carries them (relays refund on it).
* The same with HTML, nothing or other JSON: unknown. A gateway in front of the API speaks
  only of its own connection; the work behind it may be going on. So does litellm's proxy where it
  names an error of its own: it answers 500 to a picture that it cannot read, too.
* 504 and any other 5xx: unknown, whoever says so. It means that waiting stopped, not working.
* 3xx: no. We never follow one, and the configured address is not the API's, except 303,
  which says that the request was carried out and its result stands elsewhere.
* 1xx and 2xx without pictures are judged by the provider.

No sentence here holds a vendor's words; of its values only those on our own lists pass.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from imagewright.adapters.web.client import Answer
from imagewright.adapters.wire.images import PARAMETERS
from imagewright.adapters.wire.results import read_object
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
)

_MODERATION = frozenset(
    {
        "moderation_blocked",
        "content_policy_violation",
        "contentfilter",
        "content_filter",
        "contentpolicyviolationerror",
        "image_content_policy_violation",
    }
)
_QUOTA = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_user_quota",
        "quota_exceeded",
        "budget_exceeded",
    }
)
_KEY = frozenset({"invalid_api_key", "no_db_connection", "token_not_found_in_db"})
"""What relays answer with status 400 to a key they do not know."""
_LITELLM = re.compile(r"\blitellm\.(\w{1,64})\b")
"""litellm's own names for an error; its `code` is the status as text."""
_PASSED_ON = "badrequesterror"
"""What litellm 1.106's proxy names an error object that the API itself answered, of any status."""
_SAFETY = re.compile(r"rejected (?:by the|as a result of (?:our|the)) safety system", re.IGNORECASE)
"""How OpenAI words a moderation; relays keep the sentence and lose the code."""
_READ = 4096
_STAGES = frozenset({"input", "output"})
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_ANSWERED_FAILURES = frozenset({500, 502, 503, 529})


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorError:
    """An error as the API itself words it. For our judgement only; never shown.

    `broken` says that a relay speaks of its own trouble, and nothing is known of the API's.
    """

    codes: frozenset[str] = frozenset()
    param: str | None = None
    stage: str | None = None
    categories: tuple[str, ...] = ()
    broken: bool = False

    @property
    def quota(self) -> bool:
        """Whether the account has run out, so that waiting does not help."""
        return bool(self.codes & _QUOTA)

    @property
    def moderation(self) -> bool:
        return bool(self.codes & _MODERATION)


def read_error(body: bytes) -> VendorError | None:
    """The error that an answer states: `error` as an object or a string, or `detail`; else None."""
    answer = read_object(body)
    return None if answer is None else error_of(answer)


def error_of(answer: Mapping[str, object]) -> VendorError | None:
    """As `read_error`, of an answer or event that is an object."""
    error = answer.get("error")
    if isinstance(error, dict):
        return _object(error)
    if answer.get("type") == "error":
        return _object(answer)
    if (isinstance(error, str) and error) or answer.get("detail"):
        return VendorError()
    return None


def refusal(answer: Answer, *, model: str, asked_pause: float | None = None) -> Fault:
    """The fault for an answer whose status is not 200. `model` is the catalogue's name for it."""
    error = read_error(answer.body)
    status = answer.status
    if status == 303 or status < 300:
        return unknown()
    if status < 400:
        return ProviderMisconfigured(
            "The provider's configured address leads elsewhere.",
            hint="Ask the operator to check base_url.",
        )
    if status < 500:
        return _client_fault(status, error or VendorError(), model, asked_pause)
    if status in _ANSWERED_FAILURES and error is not None and not error.broken:
        return _server_fault(error)
    return unknown()


def not_made(error: VendorError | None) -> Fault:
    """The fault for an accepted request that made no picture: some relays refuse with status 200.

    A refusal that we know is as good as a 400; any other error proves nothing.
    """
    if error is not None and error.moderation:
        return _moderation(error)
    if error is not None and error.quota:
        return quota()
    return unknown()


def blocked() -> ModerationBlocked:
    """The fault for a picture that the vendor made, looked at and kept back."""
    return _moderation(VendorError())


def unknown() -> OutcomeUnknown:
    """The fault for a request that may have been carried out."""
    return OutcomeUnknown(
        "The provider took the request, and no answer proves what became of it.",
        hint="It may have been charged. The operator can reconcile it with the provider's records.",
    )


def late() -> ProviderRejected:
    """The fault for what a batch, as the vendor says, was ended before."""
    return ProviderRejected(
        "The provider's batch ended before this was made; nothing is charged.",
        hint="Ask again with more hours, or without economy.",
    )


def busy(asked_pause: float | None) -> ProviderBusy:
    """The fault for a rate limit, with the seconds that the server asked to wait."""
    details = {} if asked_pause is None else {"retry_after": round(asked_pause, 3)}
    return ProviderBusy(
        "The provider limits how often we may ask.", hint="Try again later.", details=details
    )


def quota() -> ProviderQuota:
    """The fault for an account that has run out, so that waiting does not help."""
    return ProviderQuota(
        "The operator's account at the provider has no credit or quota left.",
        hint="Ask the operator to top it up, or choose another provider.",
    )


def _client_fault(status: int, error: VendorError, model: str, asked_pause: float | None) -> Fault:
    if error.moderation:
        return _moderation(error)
    if error.quota or status == 402:
        return quota()
    if status in {404, 405} or "model_not_found" in error.codes:
        return _missing(error, model)
    if status == 429:
        return busy(asked_pause)
    return _by_status(401 if error.codes & _KEY else status) or _rejected(error)


def _by_status(status: int) -> Fault | None:
    if status in {401, 403}:
        return ProviderMisconfigured(
            "The provider refuses the operator's key or account.",
            hint="Ask the operator to check the key and what it may do.",
        )
    if status == 408:
        return unknown()
    if status == 409:
        return ProviderUnavailable(
            "The provider could not take the request now.", hint="Try again later."
        )
    return None


def _server_fault(error: VendorError) -> Fault:
    if error.quota:
        return quota()
    return ProviderUnavailable(
        "The provider reports a failure of its own; nothing was made.", hint="Try again later."
    )


def _missing(error: VendorError, model: str) -> Fault:
    if "model_not_found" in error.codes or error.param == "model":
        return ProviderMisconfigured(
            f"The provider does not know the model {model}, or not for the operator's account.",
            hint="Choose another model, or ask the operator to check this one.",
            details={"model": model},
        )
    return ProviderMisconfigured(
        "The provider's configured address has no such interface.",
        hint="Ask the operator to check base_url.",
    )


def _moderation(error: VendorError) -> ModerationBlocked:
    details: dict[str, object] = {}
    if error.stage is not None:
        details["stage"] = error.stage
    if error.categories:
        details["categories"] = list(error.categories)
    return ModerationBlocked(
        "The provider's safety system refused the request.",
        hint="Change what the prompt or the images show.",
        details=details,
    )


def _rejected(error: VendorError) -> ProviderRejected:
    if error.param is None:
        return ProviderRejected(
            "The provider refused the request as it stands.", hint="Change its parameters."
        )
    return ProviderRejected(
        f"The provider refused the request because of {error.param}.",
        hint=f"Change {error.param}, or leave it out.",
        details={"param": error.param},
    )


def _object(error: Mapping[str, object]) -> VendorError:
    codes = {str(error[name]).lower() for name in ("code", "type") if error.get(name)}
    message = str(error.get("message", ""))[:_READ]
    named = {each.lower() for each in _LITELLM.findall(message)}
    if _SAFETY.search(message):
        codes.add("moderation_blocked")
    moderation = error.get("moderation_details")
    moderation = moderation if isinstance(moderation, dict) else {}
    stage = moderation.get("moderation_stage")
    return VendorError(
        codes=frozenset(codes | named),
        param=_param(error.get("param")),
        stage=stage if isinstance(stage, str) and stage in _STAGES else None,
        categories=_categories(moderation.get("categories")),
        broken=bool(named) and _PASSED_ON not in named,
    )


def _param(found: object) -> str | None:
    """One of our parameters' names, from `size`, `image[0]` or `images.0.image_url`."""
    if not isinstance(found, str):
        return None
    name = found.split("[")[0].split(".")[0]
    name = "image" if name == "images" else name
    return name if name in PARAMETERS else None


def _categories(found: object) -> tuple[str, ...]:
    if not isinstance(found, list):
        return ()
    return tuple(each for each in _CATEGORIES if each in found)
