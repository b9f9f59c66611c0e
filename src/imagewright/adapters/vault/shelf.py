"""Where sealed values stand: bytes that mean nothing to whoever keeps them."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Place:
    """A value's name."""

    collection: str
    key: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value's bytes, and when its time is over: UTC microseconds, None is never."""

    data: bytes = field(repr=False)
    expires_at: int | None = None


class Shelf(Protocol):
    """Keeps bytes until their time is over. Every call raises Unavailable where it cannot."""

    async def get(self, place: Place) -> Sealed | None:
        """What stands there, or None."""

    async def put(self, place: Place, sealed: Sealed, *, replacing: bool = False) -> bool:
        """Put it there, with `replacing` only where something stands; whether it was put."""

    async def delete(self, place: Place) -> bool:
        """Whether something stood there; of several who ask at once, one is told so."""

    async def count(self, collection: str) -> int:
        """How many there are."""

    async def items(self, collection: str) -> tuple[tuple[str, Sealed], ...]:
        """All of them by their keys."""
