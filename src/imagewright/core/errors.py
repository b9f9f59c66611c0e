"""Every error a caller can meet: a stable code, a word on retrying and an HTTP status."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar


class Retry(StrEnum):
    """What repeating the same call would do."""

    NEVER = "never"
    CHANGED = "changed"
    LATER = "later"
    CONFIRM = "confirm"


class Fault(Exception):
    """A failure with a sentence that its caller may read.

    The sentence is written by us: it holds no secret, no prompt and no vendor's text.
    `hint` is the next thing to try, `details` are JSON values for a program.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retry: ClassVar[Retry] = Retry.LATER
    advice: ClassVar[str] = "Try again; if it fails again, tell the operator."
    """What callers are told to try where no hint is given."""

    def __init__(
        self, sentence: str, *, hint: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.details: Mapping[str, object] = MappingProxyType(dict(details or {}))

    def public(self) -> dict[str, object]:
        """The shape every face sends: code, message, retry, hint; details if there are any."""
        answer: dict[str, object] = {
            "code": self.code,
            "message": self.sentence,
            "retry": self.retry.value,
            "hint": self.hint or self.advice,
        }
        if self.details:
            answer["details"] = dict(self.details)
        return answer


class Internal(Fault):
    """Something of ours failed; the incident id joins the answer to the log."""


class InvalidRequest(Fault):
    """An argument is missing, malformed or out of range."""

    code, status, retry = "invalid_request", 400, Retry.CHANGED
    advice = "Correct the argument and call again."


class UnknownProvider(Fault):
    """No provider of that name is configured and allowed; `details.providers` are those there."""

    code, status, retry = "unknown_provider", 400, Retry.CHANGED
    advice = "Call list_providers for those there are."


class UnknownModel(Fault):
    """The provider has no model of that name for this caller; `details.models` are those there."""

    code, status, retry = "unknown_model", 400, Retry.CHANGED
    advice = "Call list_providers for those there are."


class Unsupported(Fault):
    """The model cannot do what was asked; the hint and the details say what it can."""

    code, status, retry = "unsupported", 400, Retry.CHANGED
    advice = "Call list_providers for what each model can do."


class InvalidImage(Fault):
    """The bytes are not a whole picture of a format that is accepted."""

    code, status, retry = "invalid_image", 400, Retry.CHANGED
    advice = "Send a whole PNG, JPEG, WebP, GIF or AVIF."


class ImageTooLarge(Fault):
    """The picture has too many bytes, pixels or frames."""

    code, status, retry = "image_too_large", 413, Retry.CHANGED
    advice = "Send a smaller picture."


class Unauthenticated(Fault):
    """No credential, or one that is not valid."""

    code, status, retry = "unauthenticated", 401, Retry.CHANGED
    advice = "Ask the operator for a token."


class Forbidden(Fault):
    """The caller's grants do not reach this; an operator can change that."""

    code, status, retry = "forbidden", 403, Retry.NEVER
    advice = "Ask the operator."


class NotFound(Fault):
    """There is no such thing among what the caller owns."""

    code, status, retry = "not_found", 404, Retry.NEVER
    advice = "Call list_images or list_jobs for those there are."


class ConfirmationRequired(Fault):
    """The ask costs money and needs consent; `details` is the quote."""

    code, status, retry = "confirmation_required", 402, Retry.CONFIRM
    advice = "Ask the person whose money it is."


class ConfirmationInvalid(Fault):
    """The quote given back is not an open quote of this caller for this ask."""

    code, status, retry = "confirmation_invalid", 409, Retry.CONFIRM
    advice = "Repeat the call without confirm for a new quote."


class ConfirmationDeclined(Fault):
    """The question was answered with no; nothing was spent."""

    code, status, retry = "confirmation_declined", 409, Retry.NEVER
    advice = "Do not ask again unless you are told to."


class BudgetExceeded(Fault):
    """A budget has no room for the ceiling; `details` names level, limit, used and reset."""

    code, status, retry = "budget_exceeded", 402, Retry.LATER
    advice = "Call get_usage for what is left."


class Unpriced(Fault):
    """The model has no price, so it cannot be held against a budget."""

    code, status, retry = "unpriced_model", 402, Retry.NEVER
    advice = "Use another model, or ask the operator for its price."


class Busy(Fault):
    """The queue, or this caller's part of it, is full; `details.retry_after` is in seconds."""

    code, status, retry = "busy", 429, Retry.LATER
    advice = "Wait for the jobs that you have, then call again."


class RateLimited(Fault):
    """Too many requests in a while; `details` names the limit and `retry_after` in seconds."""

    code, status, retry = "rate_limited", 429, Retry.LATER
    advice = "Wait for retry_after seconds, then call again."


class QuotaExceeded(Fault):
    """A limit on images or downloads has no room; `details` names it, what is used and left."""

    code, status, retry = "quota_exceeded", 429, Retry.LATER
    advice = "Call get_usage for what is left and when more is."


class StorageQuota(Fault):
    """The caller's stored originals have no room for another; `details` has bytes used and left."""

    code, status, retry = "storage_quota", 507, Retry.CHANGED
    advice = "Delete images that are not needed, then ask again."


class StorageFull(Fault):
    """The disk has no room for another picture, so no new work is taken."""

    code, status, retry = "storage_full", 507, Retry.LATER
    advice = "Tell the operator; call again later."


class Unavailable(Fault):
    """A part of the service is away or is being stopped."""

    code, status, retry = "unavailable", 503, Retry.LATER
    advice = "Call again in a few seconds."


class ProviderRejected(Fault):
    """The provider refused the request as it stands; nothing was charged."""

    code, status, retry = "provider_rejected", 400, Retry.CHANGED
    advice = "Change the prompt or the options."


class ModerationBlocked(Fault):
    """The provider's safety system refused the prompt or the picture."""

    code, status, retry = "moderation_blocked", 400, Retry.CHANGED
    advice = "Change the prompt or the picture."


class ProviderMisconfigured(Fault):
    """The provider refuses our key, account or address: an operator's matter."""

    code, status, retry = "provider_misconfigured", 502, Retry.NEVER
    advice = "Tell the operator; use another provider."


class ProviderQuota(Fault):
    """The operator's account at the provider has no credit or quota left."""

    code, status, retry = "provider_quota", 502, Retry.NEVER
    advice = "Tell the operator; use another provider."


class ProviderBusy(Fault):
    """The provider limits our rate; `details.retry_after` is in seconds where it said so."""

    code, status, retry = "provider_busy", 503, Retry.LATER
    advice = "Call again later, or use another provider."


class ProviderUnavailable(Fault):
    """The provider cannot be reached, or failed before it made anything."""

    code, status, retry = "provider_unavailable", 502, Retry.LATER
    advice = "Call again later, or use another provider."


class ProviderBadAnswer(Fault):
    """The provider answered with something that is not a usable picture."""

    code, status, retry = "provider_bad_answer", 502, Retry.LATER
    advice = "Call again, or use another provider."


class OutcomeUnknown(Fault):
    """The request was sent and no answer proves what became of it; its hold is kept."""

    code, status, retry = "outcome_unknown", 502, Retry.NEVER
    advice = "Its cost stays held; ask the operator before trying again."


class Resolved(Fault):
    """The operator found out what a job of unknown outcome has cost; nothing else came of it."""

    code, status, retry = "resolved", 502, Retry.LATER
    advice = "Ask again if you still want it."


class Canceled(Fault):
    """The job was cancelled before it made anything."""

    code, status, retry = "canceled", 409, Retry.NEVER
    advice = "Ask again if you still want it."


FAULTS: tuple[type[Fault], ...] = (
    Internal,
    InvalidRequest,
    UnknownProvider,
    UnknownModel,
    Unsupported,
    InvalidImage,
    ImageTooLarge,
    Unauthenticated,
    Forbidden,
    NotFound,
    ConfirmationRequired,
    ConfirmationInvalid,
    ConfirmationDeclined,
    BudgetExceeded,
    Unpriced,
    Busy,
    RateLimited,
    QuotaExceeded,
    StorageQuota,
    StorageFull,
    Unavailable,
    ProviderRejected,
    ModerationBlocked,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderBusy,
    ProviderUnavailable,
    ProviderBadAnswer,
    OutcomeUnknown,
    Resolved,
    Canceled,
)
