"""Counts of what was done in the span that ends now; nothing of it is kept for long."""

from typing import Protocol

from imagewright.core.limit import Pace
from imagewright.core.window import Window


class Rates(Protocol):
    """Sliding windows by key: who shares the store shares the counts.

    A count belongs to a key and a span, whatever the most is: a limit that is changed finds
    what was counted before. Every call raises Unavailable where the store cannot be asked:
    what cannot be counted is refused.
    """

    async def take(self, key: str, pace: Pace, cost: int = 1) -> int:
        """0 where the cost found room and is counted, else the seconds until it may.

        What finds no room counts nothing. Of several who ask at once, no more are let in than
        there is room for.
        """

    async def look(self, key: str, seconds: int) -> Window:
        """What is counted under the key in a span of so many seconds."""

    async def ping(self) -> None:
        """Raise Unavailable where the store cannot be asked."""
