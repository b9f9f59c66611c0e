"""Where the operator named no webhook."""

from imagewright.core.notice import Event, Notice


class Silence:
    """`ports.notices.Notices` that go nowhere."""

    def wants(self, event: Event) -> bool:
        return False

    def send(self, notice: Notice) -> None:
        """Nothing."""
