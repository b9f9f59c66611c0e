"""A sliding window: how much is counted of the span that ends now, and when there is room."""

import math
from dataclasses import dataclass


def counted(previous: int, share: float, current: int) -> int:
    """What counts of a span of which this share has not faded, and of the one under way."""
    return math.floor(previous * share) + current


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Two counts: of the span before, which fades evenly, and of the one under way.

    `fading` is how many seconds of the span before still count, `left` how many the one under
    way still has; the window then slides by one span. It is the sliding window counter of the
    package `limits`, whose script in Valkey counts the same.
    """

    seconds: int
    previous: int = 0
    fading: float = 0.0
    current: int = 0
    left: float = 0.0

    @property
    def counted(self) -> int:
        """What counts now."""
        return counted(self.previous, self.fading / self.seconds, self.current)

    def after(self, most: int, cost: int) -> int:
        """Whole seconds until `cost` has room below `most`: 0 for now, else one at least.

        A cost that is more than the most never has room; then it is the whole span.
        """
        if self.counted + cost <= most:
            return 0
        if cost > most:
            return self.seconds
        room = most - cost - self.current
        if room >= 0:
            wait = self.fading - (room + 1) * self.seconds / self.previous
        else:
            wait = self.left + self.seconds - (most - cost + 1) * self.seconds / self.current
        return max(1, math.floor(max(0.0, wait)) + 1)
