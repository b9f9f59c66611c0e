"""How often an address may fail in a while."""

from dataclasses import dataclass

from imagewright.core.neighbourhood import neighbourhood

_MOST = 4096


@dataclass(slots=True)
class _Window:
    began: float
    failed: int


class Tries:
    """Counts failures by address; time is given with each question, in seconds.

    It keeps 4096 addresses at most and forgets those first that it has known longest.
    """

    def __init__(self, most: int, seconds: float) -> None:
        """`most` failures in `seconds` from one address."""
        self._most = most
        self._seconds = seconds
        self._windows: dict[str, _Window] = {}

    def wait(self, address: str | None, now: float) -> int:
        """0 where the address may try, else the seconds until it may."""
        window = self._windows.get(neighbourhood(address))
        if window is None or now - window.began >= self._seconds or window.failed < self._most:
            return 0
        return int(window.began + self._seconds - now) + 1

    def failed(self, address: str | None, now: float) -> None:
        """Count a failure."""
        whose = neighbourhood(address)
        window = self._windows.get(whose)
        if window is None or now - window.began >= self._seconds:
            self._windows.pop(whose, None)
            if len(self._windows) >= _MOST:
                self._windows.pop(next(iter(self._windows)))
            window = self._windows[whose] = _Window(now, 0)
        window.failed += 1
