"""How often strangers may ask for something, each of them and all together."""

from dataclasses import dataclass

from imagewright.core.neighbourhood import neighbourhood

_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often in an hour: from one address, and in total."""

    each: int
    total: int


class Turns:
    """Counts an hour's turns; time is given with each question, in seconds that never go back.

    It holds at most as many addresses as there are turns in total.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._began = float("-inf")
        self._taken: dict[str, int] = {}

    def take(self, address: str | None, now: float) -> int:
        """0 for a turn that is granted, else the seconds until one may be."""
        if now - self._began >= _HOUR:
            self._began, self._taken = now, {}
        whose = neighbourhood(address)
        mine = self._taken.get(whose, 0)
        if mine >= self._rate.each or sum(self._taken.values()) >= self._rate.total:
            return int(self._began + _HOUR - now) + 1
        self._taken[whose] = mine + 1
        return 0
