"""Times as clients see them."""

from datetime import UTC, datetime

_MICRO = 1_000_000


def iso(micro: int) -> str:
    """UTC microseconds as ISO 8601."""
    return datetime.fromtimestamp(micro / _MICRO, UTC).isoformat(timespec="seconds")
