"""Sealed values in memory, open to whoever wants to tamper with them."""

import asyncio

from imagewright.adapters.vault.shelf import Place, Sealed
from imagewright.core.errors import Unavailable
from imagewright.ports.clock import Clock


class MemoryShelf:
    """Implements `adapters.vault.shelf.Shelf`; while `away`, nothing can be asked.

    Each call lets others go first, as a real one does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[Place, Sealed] = {}
        self.away = False

    async def get(self, place: Place) -> Sealed | None:
        await asyncio.sleep(0)
        return self._get(place)

    async def put(self, place: Place, sealed: Sealed, *, replacing: bool = False) -> bool:
        await asyncio.sleep(0)
        if replacing and self._get(place) is None:
            return False
        self._rows()[place] = sealed
        return True

    async def delete(self, place: Place) -> bool:
        await asyncio.sleep(0)
        there = self._get(place) is not None
        self._rows().pop(place, None)
        return there

    def _get(self, place: Place) -> Sealed | None:
        found = self._rows().get(place)
        return found if found is not None and self._alive(found) else None

    async def count(self, collection: str) -> int:
        return sum(
            place.collection == collection and self._alive(sealed)
            for place, sealed in self._rows().items()
        )

    async def items(self, collection: str) -> tuple[tuple[str, Sealed], ...]:
        return tuple(
            (place.key, sealed)
            for place, sealed in self._rows().items()
            if place.collection == collection and self._alive(sealed)
        )

    def _rows(self) -> dict[Place, Sealed]:
        if self.away:
            raise Unavailable("The store is away.")
        return self.rows

    def _alive(self, sealed: Sealed) -> bool:
        return sealed.expires_at is None or sealed.expires_at > self._clock.now()
