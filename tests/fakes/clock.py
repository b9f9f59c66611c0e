"""A clock that is set by hand, and ids that are the same in every run."""

from imagewright.core.ids import Kind, new_id
from imagewright.ports.clock import World
from tests.contracts.samples import NOON, SECOND, Random


class HandClock:
    """Keeps `ports.clock.Clock`: time stands still until a test moves it."""

    def __init__(self, now: int = NOON) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * SECOND)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock, forwards or back; the time that has passed stays what it is."""
        self._now += round(seconds * SECOND)


def counted_world(clock: HandClock) -> World:
    """A world whose ids are counted, not drawn."""
    random = Random()
    return World(clock=clock, new_id=lambda kind: _next(kind, random))


def _next(kind: Kind, random: Random) -> str:
    return new_id(kind, random)
