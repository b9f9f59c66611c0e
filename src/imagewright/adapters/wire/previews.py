"""Which of an engine's many previews become the few partial images that an order asks for."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Previews:
    """Lets `count` previews pass, spread evenly over one picture's way.

    `first` is the index of the first among the order's partial images.
    """

    count: int
    first: int = 0
    _passed: int = field(default=0, init=False)

    def take(self, share: float) -> int | None:
        """The index for a preview at a share of the way from 0 to 1, or None to leave it out."""
        if self._passed >= self.count or share * (self.count + 1) < self._passed + 1:
            return None
        self._passed += 1
        return self.first + self._passed - 1
