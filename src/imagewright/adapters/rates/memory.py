"""Windows of this process alone; they begin anew when it does."""

from dataclasses import dataclass

from imagewright.core.limit import Pace
from imagewright.core.window import Window, counted
from imagewright.ports.clock import Clock

_MOST = 20_000


@dataclass(slots=True)
class _Counts:
    """Two counts, and when the span of the second began."""

    began: float
    previous: int = 0
    current: int = 0


class MemoryRates:
    """Implements `ports.rates.Rates`.

    It counts as `limits` does in Valkey. The package's own store in memory looks at every key on
    each call: 140 microseconds where 1000 subjects are counted, a tenth of a whole call.
    """

    def __init__(self, clock: Clock, most: int = _MOST) -> None:
        """At most `most` keys are kept; then those go first that no window needs any more."""
        self._clock = clock
        self._most = most
        self._counts: dict[tuple[str, int], _Counts] = {}

    async def take(self, key: str, pace: Pace, cost: int = 1) -> int:
        now = self._clock.monotonic()
        counts = self._found((key, pace.seconds), now)
        share = (counts.began + pace.seconds - now) / pace.seconds
        # Most requests have room, and each waits for this.
        if counted(counts.previous, share, counts.current) + cost <= pace.count:
            counts.current += cost
            return 0
        return max(1, _window(counts, pace.seconds, now).after(pace.count, cost))

    async def look(self, key: str, seconds: int) -> Window:
        now = self._clock.monotonic()
        found = self._counts.get((key, seconds))
        if found is None or now - found.began >= 2 * seconds:
            return Window(seconds=seconds)
        _slide(found, seconds, now)
        return _window(found, seconds, now)

    async def ping(self) -> None:
        """Memory is always there."""

    def _found(self, place: tuple[str, int], now: float) -> _Counts:
        found, seconds = self._counts.get(place), place[1]
        if found is None or now - found.began >= 2 * seconds:
            self._counts.pop(place, None)
            if len(self._counts) >= self._most:
                self._make_room(now)
            found = self._counts[place] = _Counts(began=now)
        _slide(found, seconds, now)
        return found

    def _make_room(self, now: float) -> None:
        """Drop what counts no more; else the tenth that was met first."""
        spent = [place for place, each in self._counts.items() if now - each.began >= 2 * place[1]]
        for place in spent or list(self._counts)[: max(1, self._most // 10)]:
            del self._counts[place]


def _slide(counts: _Counts, seconds: int, now: float) -> None:
    if now - counts.began >= seconds:
        counts.began += seconds
        counts.previous, counts.current = counts.current, 0


def _window(counts: _Counts, seconds: int, now: float) -> Window:
    left = counts.began + seconds - now
    return Window(
        seconds=seconds,
        previous=counts.previous,
        fading=left if counts.previous else 0.0,
        current=counts.current,
        left=left,
    )
