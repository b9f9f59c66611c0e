"""When a vendor's batch is looked at: at a steady pace, and as soon as its order's time is over."""

from dataclasses import dataclass

from imagewright.ports.provider import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between two looks at a batch, and those that a call with its data may take."""

    poll: float
    total: float

    def pause(self, order: Order, now: int) -> float:
        """Seconds until the next look; `now` is in UTC microseconds."""
        if order.until is None:
            return self.poll
        left = (order.until - now) / 1_000_000
        return min(self.poll, left) if left > 0 else self.poll
