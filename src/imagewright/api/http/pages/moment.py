"""A time as a page shows it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_MICRO = 1_000_000


def moment(at: int, zone: ZoneInfo) -> dict[str, str]:
    """UTC microseconds for a `time` element: `exact` for its attribute, `shown` for people."""
    exact = datetime.fromtimestamp(at // _MICRO, UTC)
    local = exact.astimezone(zone)
    return {"exact": exact.isoformat(), "shown": f"{local:%d %B %Y, %H:%M} {zone.key}"}
