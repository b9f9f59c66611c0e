"""When a refused request is sent again, and how long to wait before.

The pauses are those of OpenAI's own clients (openai 3.51, `_base_client`): the server's word up to
120 seconds, else half a second doubled each time up to eight, less up to a quarter by chance.
What is sent again differs from them: pictures are billed even to a client that hung up.
"""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

_LONGEST_WAIT = 120.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_JITTER = 0.25
_REFUSED = frozenset({409, 429})
_FAILED = frozenset({408, 500, 502, 503, 529})


def may_repeat(status: int, headers: Mapping[str, str], *, own_error: bool) -> bool:
    """Whether a refused request surely was not accepted, so that a repetition buys nothing twice.

    409 and 429 are refusals. 408 and the 5xx are only where `x-should-retry: true` stands
    beside an error object of the API itself (`own_error`): relays answer 408 or 5xx too when
    they lost patience with an upstream that may be at work.
    """
    word = headers.get("x-should-retry", "").strip().lower()
    if word == "false":
        return False
    return status in _REFUSED or (status in _FAILED and word == "true" and own_error)


def asked_pause(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds the server asks to wait: `retry-after-ms`, else `retry-after`.

    The latter is in seconds or a date; `now` is in seconds since 1970. None where it does not
    tell, or tells nonsense.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - now)


def pause(attempt: int, asked: float | None, random: Callable[[], float]) -> float | None:
    """Seconds to wait after an attempt (the first is 0), or None where too many are asked."""
    if asked is not None and asked > 0:
        return asked if asked <= _LONGEST_WAIT else None
    backoff = min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE)
    return backoff * (1 - _JITTER * random())


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else -1.0
    except ValueError:
        return None
    # NaN compares false, so it is no number here either.
    return number if 0 <= number < 1e9 else None
