"""The machine's clock."""

import time


class SystemClock:
    """Implements `ports.clock.Clock`."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()
