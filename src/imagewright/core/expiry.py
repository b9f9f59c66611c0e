"""When something ends, as an operator writes it."""

from datetime import date, datetime, timedelta

from imagewright.core.errors import InvalidRequest
from imagewright.core.quantity import parse_seconds

_HINT = "Write it like 90d, 2030-12-31 or 2030-12-31T12:00:00Z."


def parse_expiry(text: str, now: datetime) -> date | datetime:
    """A day, which counts to its end; a time with its zone; or a duration from now.

    Raises InvalidRequest.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _after(text, now)
    if found.tzinfo is None:
        raise InvalidRequest("The time has no zone.", hint=_HINT)
    return found


def _after(text: str, now: datetime) -> datetime:
    try:
        return now + timedelta(seconds=parse_seconds(text))
    except (InvalidRequest, OverflowError):
        raise InvalidRequest("This is no day, time or duration.", hint=_HINT) from None
