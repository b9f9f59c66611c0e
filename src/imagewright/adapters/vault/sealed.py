"""Values sealed with their own names, so that none can stand in another's place."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, SupportsFloat

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from imagewright.adapters.vault.shelf import Place, Sealed, Shelf
from imagewright.ports.clock import Clock

_log = logging.getLogger(__name__)

_VERSION = b"\x01"
_NONCE = 12
_MICRO = 1_000_000
_USUAL = "default"


class SealedVault:
    """Implements `ports.vault.Vault`, and AsyncKeyValue of the package `key_value`.

    AES-256-GCM with collection, key and expiry as associated data. A value that was changed,
    moved to another name, kept beyond its time or sealed with another key is not there; that it
    was found is logged. Whoever writes to the store may still bring back an older value of the
    same name, as long as that one has time left.
    """

    def __init__(
        self, shelf: Shelf, key: bytes, clock: Clock, random: Callable[[int], bytes]
    ) -> None:
        """`key` has 32 bytes."""
        self._shelf = shelf
        self._cipher = AESGCM(key)
        self._clock = clock
        self._random = random

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """The value, or None. Raises Unavailable."""
        return (await self.ttl(key, collection=collection))[0]

    async def ttl(
        self, key: str, *, collection: str | None = None
    ) -> tuple[dict[str, Any] | None, float | None]:
        """The value and its seconds left, None for one without end. Raises Unavailable."""
        place = Place(collection or _USUAL, key)
        found, now = await self._shelf.get(place), self._clock.now()
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return None, None
        value = self._opened(place, found)
        if value is None or found.expires_at is None:
            return value, None
        return value, (found.expires_at - now) / _MICRO

    async def put(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        """Keep a value for `ttl` seconds. Raises Unavailable."""
        place = Place(collection or _USUAL, key)
        await self._shelf.put(place, self._sealed(place, value, ttl))

    async def replace(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> bool:
        """As `put`, and only where a value stands; whether one did. Raises Unavailable."""
        place = Place(collection or _USUAL, key)
        return await self._shelf.put(place, self._sealed(place, value, ttl), replacing=True)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """Whether it was there; of several at once, one is told so. Raises Unavailable."""
        return await self._shelf.delete(Place(collection or _USUAL, key))

    async def count(self, collection: str) -> int:
        """How many there are. Raises Unavailable."""
        return await self._shelf.count(collection)

    async def items(self, collection: str) -> tuple[tuple[str, dict[str, Any]], ...]:
        """All that can be opened, with their keys. Raises Unavailable."""
        found = await self._shelf.items(collection)
        opened = ((key, self._opened(Place(collection, key), sealed)) for key, sealed in found)
        return tuple((key, value) for key, value in opened if value is not None)

    async def get_many(
        self, keys: Sequence[str], *, collection: str | None = None
    ) -> list[dict[str, Any] | None]:
        """Each key's value or None. Raises Unavailable."""
        return [await self.get(key, collection=collection) for key in keys]

    async def ttl_many(
        self, keys: Sequence[str], *, collection: str | None = None
    ) -> list[tuple[dict[str, Any] | None, float | None]]:
        """Each key's value and its seconds left. Raises Unavailable."""
        return [await self.ttl(key, collection=collection) for key in keys]

    async def put_many(
        self,
        keys: Sequence[str],
        values: Sequence[Mapping[str, Any]],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        """Keep several, one after the other. Raises Unavailable."""
        for key, value in zip(keys, values, strict=True):
            await self.put(key, value, collection=collection, ttl=ttl)

    async def delete_many(self, keys: Sequence[str], *, collection: str | None = None) -> int:
        """How many of them were there. Raises Unavailable."""
        return sum([await self.delete(key, collection=collection) for key in keys])

    def _sealed(self, place: Place, value: Mapping[str, Any], ttl: SupportsFloat | None) -> Sealed:
        expires = None if ttl is None else self._clock.now() + round(float(ttl) * _MICRO)
        nonce, text = self._random(_NONCE), json.dumps(dict(value), separators=(",", ":"))
        sealed = self._cipher.encrypt(nonce, text.encode(), _name(place, expires))
        return Sealed(_VERSION + nonce + sealed, expires)

    def _opened(self, place: Place, sealed: Sealed) -> dict[str, Any] | None:
        start = len(_VERSION)
        nonce, rest = sealed.data[start : start + _NONCE], sealed.data[start + _NONCE :]
        if sealed.data.startswith(_VERSION) and len(nonce) == _NONCE:
            with suppress(InvalidTag):
                text = self._cipher.decrypt(nonce, rest, _name(place, sealed.expires_at))
                value: dict[str, Any] = json.loads(text)
                return value
        _log.error("sealed value refused", extra={"collection": place.collection})
        return None


def _name(place: Place, expires_at: int | None) -> bytes:
    """JSON, so that no two names are written alike."""
    return json.dumps([place.collection, place.key, expires_at]).encode()
