"""Time and randomness, handed in so that nothing reads them from the air."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imagewright.core.ids import Kind


class Clock(Protocol):
    """Wall time for records, monotonic time for durations."""

    def now(self) -> int:
        """UTC microseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What no rule can foresee: the time, and new ids."""

    clock: Clock
    new_id: Callable[[Kind], str]
