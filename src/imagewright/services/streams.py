"""Open streams of events: so many for each subject."""

from collections import Counter

from imagewright.core.errors import Busy

_RETRY_SECONDS = 5


class Streams:
    """Counts those of this process, whichever of its tokens a subject shows."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, subject: str) -> None:
        """Take a place, to be given back by `leave`. Raises Busy."""
        if self._open[subject] >= self._most:
            raise Busy(
                f"You have {self._most} streams open already.",
                hint="Close one of them, or ask for the job itself.",
                details={"limit": "streams", "retry_after": _RETRY_SECONDS},
            )
        self._open[subject] += 1

    def leave(self, subject: str) -> None:
        """Give a place back."""
        self._open[subject] -= 1
        if not self._open[subject]:
            del self._open[subject]
