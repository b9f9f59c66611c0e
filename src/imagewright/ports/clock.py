"""Time and randomness, handed in so that nothing reads them from the air."""

from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations."""

    def now(self) -> int:
        """UTC microseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
