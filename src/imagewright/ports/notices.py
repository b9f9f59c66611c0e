"""Notices to the operator's own programs."""

from typing import Protocol

from imagewright.core.notice import Event, Notice


class Notices(Protocol):
    """Told by services, on the event loop."""

    def wants(self, event: Event) -> bool:
        """Whether a notice of this event would go anywhere: what only it needs can be left out."""

    def send(self, notice: Notice) -> None:
        """Take a notice, to be delivered later: once or more, or never where that fails for good.

        Nothing waits for it and nothing is raised; what is lost is logged and counted.
        """
