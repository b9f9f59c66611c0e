"""Bodies of Gemini's `generateContent` for image models (google-genai 3.3, captured from it).

A refusal comes as status 200: a blocked prompt without candidates, or a candidate whose
`finishReason` says why it has no picture. Parts with `thought` hold drafts and are no results;
of several pictures the last is the finished one.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from imagewright.adapters.wire.results import decode_base64, read_object, whole
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    ProviderBadAnswer,
    ProviderMisconfigured,
    ProviderRejected,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.spending import Usage
from imagewright.ports.provider import MAX_CONTINUATION, Input, Order

_MOST_WORDS = 2048
"""Bytes of the earlier prompt that are replayed: the price of a reference covers them."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}\Z")
_OUTPUTS = {Format.PNG: "image/png", Format.JPEG: "image/jpeg"}
_UNSAFE = frozenset(
    {
        "SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "RECITATION",
        "MODEL_ARMOR",
        "ESCALATION",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What an answer holds: a picture with its signature, or the fault that says why not.

    `usage` is what was billed either way, None where the answer does not tell.
    """

    data: bytes | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    fault: Fault | None = None
    usage: Usage | None = None
    request: str | None = None


def contents(order: Order) -> list[dict[str, object]]:
    """The turns of an order: its words and references, after the turn that it goes on from."""
    earlier = _earlier(order)
    references = order.references if earlier is None else order.references[1:]
    turn = _turn("user", {"text": order.plan.prompt}, *map(_inline, references))
    if earlier is None:
        return [turn]
    words, signature = earlier
    made = {**_inline(order.references[0]), "thoughtSignature": signature}
    return [_turn("user", {"text": words}), _turn("model", made), turn]


def continuation(order: Order, signature: str | None) -> str | None:
    """What a later order needs to go on from the picture: its signature and what was asked.

    The picture itself comes back as the first reference. Of the words, the first 2,048 bytes are
    kept; turns before this one are not. None where there is nothing to go on from.
    """
    if signature is None:
        return None
    words = order.plan.prompt.encode()[:_MOST_WORDS].decode("utf-8", "ignore")
    kept = {"model": order.plan.upstream, "prompt": words, "signature": signature}
    text = json.dumps(kept, separators=(",", ":"))
    return text if len(text) <= MAX_CONTINUATION else None


def read_candidate(body: bytes, *, inputs: bool) -> Candidate | None:
    """The outcome of an answer with status 200, or None where it is no such answer at all.

    `inputs` tells whether input images were sent.
    """
    answer = read_object(body)
    return None if answer is None else candidate_of(answer, inputs=inputs)


def candidate_of(answer: Mapping[str, object], *, inputs: bool) -> Candidate | None:
    """As `read_candidate`, of what is read already."""
    candidate = _first(answer.get("candidates"))
    parts = _parts(candidate)
    picture = next(_pictures(reversed(parts)), None)
    usage = _usage(answer.get("usageMetadata"), inputs=inputs, made=picture is not None)
    request = _request(answer.get("responseId"))
    if picture is not None:
        return Candidate(data=picture[0], signature=picture[1], usage=usage, request=request)
    fault = _fault(answer, candidate, parts)
    return None if fault is None else Candidate(fault=fault, usage=usage, request=request)


def output_options(order: Order) -> dict[str, object]:
    """Vertex AI's `imageOutputOptions`. Raises Unsupported for a format that it does not make."""
    plan = order.plan
    if plan.output_format not in _OUTPUTS:
        raise no_choice(plan.output_format)
    options: dict[str, object] = {"mimeType": _OUTPUTS[plan.output_format]}
    if plan.output_compression is not None:
        options["compressionQuality"] = plan.output_compression
    return options


def no_choice(wanted: Format) -> Unsupported:
    """The fault for a format that cannot be asked for."""
    return Unsupported(
        f"This provider does not make {wanted.value}.",
        hint="Leave output_format out, and convert the picture with transform_image.",
    )


def _turn(role: str, *parts: Mapping[str, object]) -> dict[str, object]:
    return {"role": role, "parts": parts}


def _inline(picture: Input) -> dict[str, object]:
    data = base64.b64encode(picture.data).decode()
    return {"inlineData": {"mimeType": picture.format.mime, "data": data}}


def _earlier(order: Order) -> tuple[str, str] | None:
    """The words and the signature of the turn before; a signature is its own model's alone."""
    if order.continuation is None or not order.references:
        return None
    kept = read_object(order.continuation.encode()) or {}
    words, signature = kept.get("prompt"), kept.get("signature")
    if kept.get("model") != order.plan.upstream:
        return None
    if not isinstance(words, str) or not isinstance(signature, str):
        return None
    return words, signature


def _request(found: object) -> str | None:
    return found if isinstance(found, str) and _REQUEST_ID.match(found) else None


def _first(found: object) -> Mapping[str, object]:
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, dict) else {}


def _parts(candidate: Mapping[str, object]) -> list[Mapping[str, object]]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    listed = parts if isinstance(parts, list) else []
    return [part for part in listed if isinstance(part, dict) and not part.get("thought")]


def _pictures(parts: Iterator[Mapping[str, object]]) -> Iterator[tuple[bytes, str | None]]:
    for part in parts:
        inline = part.get("inlineData")
        text = inline.get("data") if isinstance(inline, dict) else None
        data = decode_base64(text) if isinstance(text, str) else None
        if data is not None:
            signature = part.get("thoughtSignature")
            yield data, signature if isinstance(signature, str) and signature else None


def _fault(
    answer: Mapping[str, object],
    candidate: Mapping[str, object],
    parts: list[Mapping[str, object]],
) -> Fault | None:
    feedback = answer.get("promptFeedback")
    blocked = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if isinstance(blocked, str) and blocked:
        return _moderation("input")
    reason = candidate.get("finishReason")
    if not isinstance(reason, str):
        return None
    if reason in _UNSAFE:
        return _moderation("output")
    if reason == "STOP" and not any(part.get("text") for part in parts):
        return None
    return _reasons().get(reason) or ProviderBadAnswer(
        "The model made no picture.", hint="Try again, or change the prompt."
    )


def _reasons() -> dict[str, Fault]:
    return {
        "STOP": ProviderRejected(
            "The model answered in words instead of a picture.",
            hint="Say plainly what the picture shows.",
        ),
        "LANGUAGE": ProviderRejected(
            "The model does not take the prompt's language.", hint="Write it in English."
        ),
        "MISSING_THOUGHT_SIGNATURE": ProviderRejected(
            "The provider no longer goes on from that picture.",
            hint="Give the picture as a reference of a new edit.",
        ),
        "PUP_LIMITED_DISABLED": ProviderMisconfigured(
            "The provider has limited the operator's account for what was asked of it.",
            hint="Ask the operator to settle it with the provider.",
        ),
        "MAX_TOKENS": ProviderBadAnswer(
            "The model spent its tokens before the picture was done.",
            hint="Ask for a smaller size or something simpler.",
        ),
    }


def _moderation(stage: str) -> ModerationBlocked:
    return ModerationBlocked(
        "The provider's safety system refused the request.",
        hint="Change what the prompt or the images show.",
        details={"stage": stage},
    )


def _usage(found: object, *, inputs: bool, made: bool) -> Usage | None:
    """The tokens as reported. What is not told apart counts as the dearer kind.

    Counts of nothing are left out of the answer (proto3), so an absent one is 0.
    """
    if not isinstance(found, dict):
        return None
    prompt, out = _count(found, "promptTokenCount"), _count(found, "candidatesTokenCount")
    text_in = _modality(found.get("promptTokensDetails"), "TEXT")
    words = _modality(found.get("candidatesTokensDetails"), "TEXT")
    text_in = (0 if inputs else prompt) if text_in is None else text_in
    words = (0 if made else out) if words is None else words
    return Usage(
        pictures=int(made),
        text_tokens=text_in,
        image_tokens=max(0, prompt - text_in),
        output_tokens=max(0, out - words),
        word_tokens=words + _count(found, "thoughtsTokenCount"),
    )


def _count(found: Mapping[str, object], name: str) -> int:
    return whole(found.get(name)) or 0


def _modality(found: object, name: str) -> int | None:
    """A modality's tokens, None where none are told apart."""
    if not isinstance(found, list) or not found:
        return None
    listed = [each for each in found if isinstance(each, dict)]
    return sum(_count(each, "tokenCount") for each in listed if each.get("modality") == name)
