"""Answers of OpenAI's Responses API to one order for a picture (openai 3.51), whole or as events.

The picture is an output item `image_generation_call`. It may have failed inside a response that
completed, and the text model may have answered in words instead: both are charged.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from imagewright.adapters.wire.refusals import VendorError, busy, error_of, not_made, unknown
from imagewright.adapters.wire.results import decode_base64, whole
from imagewright.adapters.wire.sse import Event, EventReader
from imagewright.adapters.wire.streams import is_stream, read_event
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from imagewright.core.spending import Usage
from imagewright.ports.provider import Watch

_CALL = "image_generation_call"
_MOST_TEXT = 32_000
_MOST_ITEMS = 64
_IMAGES = frozenset(
    {
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_mode",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
    }
)
"""What it says of input images that it cannot use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of one call: a picture, or the fault that says why there is none.

    `image` and `response` are the vendor's ids for them, to go on from.
    """

    picture: bytes | None = field(default=None, repr=False)
    revised_prompt: str | None = field(default=None, repr=False)
    image: str | None = None
    response: str | None = None
    usage: Usage | None = None
    fault: Fault | None = None


class ResponseStream:
    """Takes an answer of events; tells the watch the partial images and keeps what counts.

    `partials` are the numbers that its partial images have in the order. `begun` hears the id that
    the vendor gives the response, before it is carried out.
    """

    def __init__(
        self, watch: Watch, partials: range, begun: Callable[[str], Awaitable[None]]
    ) -> None:
        self._watch = watch
        self._begun = begun
        self._partials = partials
        self._events = EventReader()
        self.used = False
        self.items: list[Mapping[str, object]] = []
        self.response: Mapping[str, object] | None = None
        self.error: VendorError | None = None

    def wants(self, status: int, headers: Mapping[str, str]) -> bool:
        self.used = is_stream(status, headers)
        return self.used

    async def take(self, data: bytes) -> bool:
        for event in self._events.feed(data):
            if event.done or not await self._goes_on(event):
                return False
        return True

    async def _goes_on(self, event: Event) -> bool:
        found = await read_event(event)
        if found is None:
            return True
        match found.get("type") or event.name:
            case "response.created":
                begun = found.get("response")
                if isinstance(begun, dict) and isinstance(name := begun.get("id"), str):
                    await self._begun(name)
            case "response.image_generation_call.generating":
                await self._watch.stage("The provider draws")
            case "response.image_generation_call.partial_image":
                await self._partial(found)
            case "response.output_item.done":
                item = found.get("item")
                if isinstance(item, dict) and len(self.items) < _MOST_ITEMS:
                    self.items.append(item)
            case "response.completed" | "response.incomplete" | "response.failed":
                response = found.get("response")
                self.response = response if isinstance(response, dict) else None
                return False
            case "error":
                self.error = error_of(found) or VendorError()
                return False
        return True

    async def _partial(self, found: Mapping[str, object]) -> None:
        number, text = whole(found.get("partial_image_index")), found.get("partial_image_b64")
        data = decode_base64(text) if isinstance(text, str) else None
        if data is not None and number is not None and 0 <= number < len(self._partials):
            await self._watch.partial(self._partials[number], data)


def read_turn(
    response: Mapping[str, object] | None,
    items: Sequence[Mapping[str, object]] = (),
    error: VendorError | None = None,
) -> Turn:
    """What a response comes to; `items` and `error` are what its events told beside it."""
    response = response or {}
    output = response.get("output")
    listed = [each for each in output if isinstance(each, dict)] if isinstance(output, list) else []
    calls = [each for each in (*listed, *items) if each.get("type") == _CALL]
    for item in calls:
        text = item.get("result")
        data = decode_base64(text) if isinstance(text, str) else None
        if data is not None:
            return Turn(
                picture=data,
                revised_prompt=_text(item.get("revised_prompt")),
                image=_text(item.get("id")),
                response=_text(response.get("id")),
                usage=_usage(response, pictures=1),
            )
    drawn = None if calls else 0
    usage = _usage(response, pictures=0, drawn=drawn)
    return Turn(usage=usage, fault=_fault(response, calls, error))


def _text(found: object) -> str | None:
    return found[:_MOST_TEXT] if isinstance(found, str) and found else None


def _usage(
    response: Mapping[str, object], *, pictures: int, drawn: int | None = None
) -> Usage | None:
    """The text model's tokens and the pictures'; `drawn` stands for the latter where none are told.

    Where there is a picture, no tokens for it means that they were not counted.
    """
    words, tools = response.get("usage"), response.get("tool_usage")
    if not isinstance(words, dict):
        return None
    tool = tools.get("image_gen") if isinstance(tools, dict) else None
    tool = tool if isinstance(tool, dict) else {}
    details = tool.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}

    def told(counts: Mapping[str, object], name: str) -> int | None:
        return drawn if counts.get(name) is None else whole(counts.get(name))

    output = told(tool, "output_tokens")
    return Usage(
        pictures=pictures,
        text_tokens=told(details, "text_tokens"),
        image_tokens=told(details, "image_tokens"),
        output_tokens=None if pictures and not output else output,
        word_tokens=whole(words.get("output_tokens")),
        reader_tokens=whole(words.get("input_tokens")),
    )


def _fault(
    response: Mapping[str, object],
    calls: Sequence[Mapping[str, object]],
    error: VendorError | None,
) -> Fault:
    told = next((found for each in calls if (found := error_of(each)) is not None), None)
    if (told := told or error_of(response) or error) is not None:
        known = _known(told)
        if known is not None:
            return known
    status = response.get("status")
    if any(each.get("status") == "failed" for each in calls) and status == "completed":
        return ProviderUnavailable(
            "The provider reports a failure of its own; nothing was made.", hint="Try again later."
        )
    if status == "incomplete":
        return _incomplete(response)
    if status == "completed" and not calls:
        return ProviderRejected(
            "The provider's text model answered in words and asked for no picture.",
            hint="Say plainly what the image shows.",
        )
    return unknown()


def _known(error: VendorError) -> Fault | None:
    fault = not_made(error)
    if not isinstance(fault, OutcomeUnknown):
        return fault
    if "rate_limit_exceeded" in error.codes:
        return busy(None)
    if error.codes & _IMAGES:
        return ProviderRejected(
            "The provider cannot use an input image.", hint="Give another, or convert it."
        )
    return None


def _incomplete(response: Mapping[str, object]) -> Fault:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if reason == "content_filter":
        return ModerationBlocked(
            "The provider's safety system refused the request.",
            hint="Change what the prompt or the images show.",
        )
    if reason == "max_output_tokens":
        return ProviderMisconfigured(
            "The provider's text model ran out of words before there was a picture.",
            hint="Ask the operator to raise max_output_tokens.",
        )
    return unknown()
