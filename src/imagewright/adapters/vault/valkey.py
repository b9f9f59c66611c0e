"""Sealed values in Valkey; imported only where one is set, since it needs the extra `valkey`."""

import hashlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from imagewright.adapters.vault.shelf import Place, Sealed
from imagewright.core.errors import Unavailable
from imagewright.ports.clock import Clock

_SECONDS = 5.0
_HEAD = 8
_PAGE = 1000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyConfig:
    """Where it is: a `valkey://` or, with TLS, `valkeys://` address; it may hold a password."""

    url: str = field(repr=False)


class ValkeyShelf:
    """Implements `adapters.vault.shelf.Shelf`; Valkey itself drops what has expired.

    Before a value's bytes stands the end of its time, since Valkey tells only what is left.
    """

    def __init__(self, config: ValkeyConfig, clock: Clock) -> None:
        """Opens no connection yet."""
        self._clock = clock
        self._valkey = Valkey.from_url(
            config.url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._valkey.aclose()

    async def get(self, place: Place) -> Sealed | None:
        """See `Shelf.get`."""
        found: bytes | None = await _asked(self._valkey.get(_key(place)))
        return None if found is None else self._alive(found)

    async def put(self, place: Place, sealed: Sealed, *, replacing: bool = False) -> bool:
        """See `Shelf.put`."""
        end = sealed.expires_at
        left = None if end is None else (end - self._clock.now()) // 1000 + 1
        # Valkey's own clock may be behind ours; what it does next it does at once.
        if replacing and await self.get(place) is None:
            return False
        if left is not None and left <= 0:
            return False
        data = (end or 0).to_bytes(_HEAD, "big") + sealed.data
        return bool(await _asked(self._valkey.set(_key(place), data, px=left, xx=replacing)))

    async def delete(self, place: Place) -> bool:
        """See `Shelf.delete`."""
        found: bytes | None = await _asked(self._valkey.getdel(_key(place)))
        return found is not None and self._alive(found) is not None

    async def count(self, collection: str) -> int:
        """See `Shelf.count`."""
        found = 0
        async for keys in self._keys(collection):
            heads = self._valkey.pipeline(transaction=False)
            for key in keys:
                heads.getrange(key, 0, _HEAD - 1)
            told = await _asked(heads.execute())
            found += sum(bool(head) and self._alive(head) is not None for head in told)
        return found

    async def items(self, collection: str) -> tuple[tuple[str, Sealed], ...]:
        """See `Shelf.items`."""
        found: dict[str, Sealed] = {}
        async for keys in self._keys(collection):
            for key, data in zip(keys, await _asked(self._valkey.mget(keys)), strict=True):
                sealed = self._alive(data) if data is not None else None
                if sealed is not None:
                    found[key.decode().removeprefix(_prefix(collection))] = sealed
        return tuple(found.items())

    async def ping(self) -> None:
        """Raise Unavailable where it does not answer."""
        await _asked(self._valkey.ping())

    async def _keys(self, collection: str) -> AsyncIterator[list[bytes]]:
        """A collection's keys, some at a time; one may be told of twice."""
        cursor = 0
        while True:
            cursor, keys = await _asked(
                self._valkey.scan(cursor, match=f"{_prefix(collection)}*", count=_PAGE)
            )
            if keys:
                yield keys
            if not cursor:
                return

    def _alive(self, found: bytes) -> Sealed | None:
        end = int.from_bytes(found[:_HEAD], "big") or None
        if end is not None and end <= self._clock.now():
            return None
        return Sealed(found[_HEAD:], end)


def _prefix(collection: str) -> str:
    """Hashed: a collection's name may hold what a search takes for a pattern."""
    return f"imagewright:sealed:{hashlib.sha256(collection.encode()).hexdigest()[:16]}:"


def _key(place: Place) -> str:
    return f"{_prefix(place.collection)}{place.key}"


async def _asked(answer: Awaitable[Result]) -> Result:
    try:
        return await answer
    except (ValkeyError, OSError) as error:
        raise Unavailable("The store of sealed values cannot be asked.") from error
