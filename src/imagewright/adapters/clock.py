"""The machine's clock."""

import time
from datetime import UTC, datetime

from imagewright.core.errors import Unavailable
from imagewright.ports.clock import Clock

YEAR = 2026
"""The year this program was made in: a clock that tells an earlier one was never set."""

_MICROSECONDS = 1_000_000


class SystemClock:
    """Implements `ports.clock.Clock`."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


def refuse_unset(clock: Clock) -> None:
    """Raise Unavailable for a clock that was never set.

    By one that is years behind, tokens that have expired are good again, and money is counted in
    days and months long gone, which no budget has.
    """
    told = datetime.fromtimestamp(clock.now() / _MICROSECONDS, UTC)
    if told.year < YEAR:
        raise Unavailable(
            f"The clock says {told.date()}, and this program is of {YEAR}.",
            hint="Set the clock, or wait until the network's time has come, and start again.",
        )
