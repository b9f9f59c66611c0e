"""Small values kept under lock: registrations, sign-ins under way, grants."""

from collections.abc import Mapping
from typing import Any, Protocol


class Vault(Protocol):
    """Values of JSON by collection and key, each until its time is over.

    It is the part of `key_value`'s AsyncKeyValue that the services use, with `replace`, `count`
    and `items`. Every call raises Unavailable where the store cannot be asked. A value that was
    changed, or stands under another key than it was put under, is as if it were not there.
    """

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """The value, or None."""

    async def put(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: float | None = None,
    ) -> None:
        """Keep a value for `ttl` seconds in the place of what was there."""

    async def replace(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: float | None = None,
    ) -> bool:
        """As `put`, and only where a value stands; whether one did."""

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """Whether it was there; of several who ask at once, one is told so."""

    async def count(self, collection: str) -> int:
        """How many there are."""

    async def items(self, collection: str) -> tuple[tuple[str, dict[str, Any]], ...]:
        """All of them with their keys, in no order that means anything."""
