"""Notices that are kept instead of sent."""

from dataclasses import dataclass, field

from imagewright.core.notice import Event, Notice


@dataclass
class Kept:
    """Keeps `ports.notices.Notices`: what was sent, of the events that are wanted."""

    wanted: frozenset[Event] = frozenset(Event)
    sent: list[Notice] = field(default_factory=list)

    def wants(self, event: Event) -> bool:
        return event in self.wanted

    def send(self, notice: Notice) -> None:
        self.sent.append(notice)
