"""Reading the answers of OpenAI-shaped image APIs, tolerantly: relays vary in all but `data`."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

from imagewright.core.money import DOLLAR, Nano
from imagewright.core.spending import Usage

_SPACE = re.compile(rb"\s+")
_MOST_TEXT = 32_000
_SEEDS = range(2**63)
_TICKS = 10
"""Of xAI's, in a nano-dollar."""
_MOST_DOLLARS = 1_000_000
_REQUEST_HEADERS = ("x-request-id", "x-api-request-id", "x-litellm-call-id")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One picture of an answer: its bytes, or the address to fetch them from.

    Those that the vendor `blocked` for what they show have neither.
    """

    data: bytes | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    revised_prompt: str | None = field(default=None, repr=False)
    seed: int | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A readable answer: how many pictures it lists, and those of them that can be read."""

    listed: int
    entries: tuple[Entry, ...]
    usage: Usage | None


def read_results(body: bytes, *, inputs: bool) -> Results | None:
    """The pictures and usage of an answer, or None where it is no such answer at all.

    `inputs` tells whether input images were sent, see `read_usage`.
    """
    answer = read_object(body)
    listed = answer.get("data") if answer is not None else None
    if answer is None or not isinstance(listed, list):
        return None
    entries = tuple(entry for each in listed if (entry := entry_of(each)) is not None)
    usage = read_usage(answer.get("usage"), pictures=len(listed), inputs=inputs)
    return Results(listed=len(listed), entries=entries, usage=usage)


def read_object(body: bytes) -> Mapping[str, object] | None:
    """A JSON object, or None for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_array(body: bytes) -> list[object] | None:
    """A JSON array, or None for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def read_usage(found: object, *, pictures: int, inputs: bool) -> Usage | None:
    """The token counts as reported, however absurd; what is no whole number counts as absent.

    Input tokens that are not told apart are taken for the dearer kind that was sent:
    images if there were any, else text. xAI says what it charges, in ten-billionths of a dollar
    (docs.x.ai, cost tracking).
    """
    if not isinstance(found, dict):
        return None
    details = found.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    text, image = whole(details.get("text_tokens")), whole(details.get("image_tokens"))
    total, ticks = whole(found.get("input_tokens")), whole(found.get("cost_in_usd_ticks"))
    if text is None and image is None and total is not None:
        text, image = (0, total) if inputs else (total, 0)
    return Usage(
        pictures=pictures,
        text_tokens=text,
        image_tokens=image,
        output_tokens=whole(found.get("output_tokens")),
        cost=None if ticks is None else Nano(-(-ticks // _TICKS)),
    )


def read_cost(dollars: str | None) -> Nano | None:
    """What a relay's header says that a call cost, in US dollars; None for what is no amount."""
    try:
        amount = Decimal(dollars or "")
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < _MOST_DOLLARS:
        return None
    return Nano(int((amount * DOLLAR).to_integral_value(ROUND_CEILING)))


def whole(value: object) -> int | None:
    """An integer; truth values are none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def decode_base64(text: str) -> bytes | None:
    """The bytes of base64, whatever its breaks, padding or `data:` prefix; None if it is none."""
    if text[:5].lower() == "data:":
        return decode_data_url(text)
    packed = _SPACE.sub(b"", text.encode("ascii", "replace")).rstrip(b"=")
    packed = packed.replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def decode_data_url(text: str) -> bytes | None:
    """The bytes of a `data:` URL (RFC 2397), or None if it is not one or is empty."""
    head, comma, rest = text.partition(",")
    if not comma or head[:5].lower() != "data:":
        return None
    if head.lower().endswith(";base64"):
        return decode_base64(unquote_to_bytes(rest).decode("ascii", "replace"))
    return unquote_to_bytes(rest) or None


def entry_of(found: object) -> Entry | None:
    """One picture as an answer lists it, or None where it cannot be read."""
    if not isinstance(found, dict):
        return None
    if found.get("respect_moderation") is False:
        return Entry(blocked=True)
    revised = found.get("revised_prompt")
    seed = whole(found.get("seed"))
    data, url = _data(found)
    if data is None and url is None:
        return None
    return Entry(
        data=data,
        url=url,
        revised_prompt=revised[:_MOST_TEXT] if isinstance(revised, str) and revised else None,
        seed=seed if seed is not None and seed in _SEEDS else None,
    )


def _data(found: Mapping[str, object]) -> tuple[bytes | None, str | None]:
    """Bytes from either field; an address from either, since relays put them in the wrong one."""
    addresses: list[str] = []
    for name in ("b64_json", "url"):
        text = found.get(name)
        if not isinstance(text, str) or not text:
            continue
        if text[:8].lower().startswith(("http://", "https://")):
            addresses.append(text)
        elif (data := decode_base64(text)) is not None:
            return data, None
    return None, addresses[0] if addresses else None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The server's own id for a request, where it is one that can be written down."""
    found = (headers.get(name, "") for name in _REQUEST_HEADERS)
    return next((text for text in found if _REQUEST_ID.match(text)), None)
