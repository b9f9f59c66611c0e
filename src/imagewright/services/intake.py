"""Whether new work is taken: from the start until the service is told to stop."""

from imagewright.core.errors import Unavailable

_RETRY_SECONDS = 10


class Intake:
    """One for the whole service: who takes asks looks here, and the drain closes it."""

    def __init__(self) -> None:
        self._closed = False
        self._drained = False

    @property
    def closed(self) -> bool:
        """Whether the service is being stopped."""
        return self._closed

    def close(self) -> None:
        """Take nothing more, for good."""
        self._closed = True

    @property
    def drained(self) -> bool:
        """Whether nothing runs here any more, and nothing will."""
        return self._drained

    def end(self) -> None:
        """Say that what ran has ended or was broken off."""
        self._closed = self._drained = True

    def check(self) -> None:
        """Raise Unavailable once closed."""
        if self._closed:
            raise Unavailable(
                "The service is being stopped and takes no new work.",
                hint="Try again in a moment; nothing was spent.",
                details={"retry_after": _RETRY_SECONDS},
            )
