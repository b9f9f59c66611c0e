"""Windows in Valkey; imported only where one is set, since it needs the extra `valkey`."""

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from imagewright.core.errors import Unavailable
from imagewright.core.limit import Pace
from imagewright.core.window import Window

_SECONDS = 2.0
_RETRY_SECONDS = 5
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyRatesConfig:
    """Where it is: a `valkey://` or, with TLS, `valkeys://` address; it may hold a password."""

    url: str = field(repr=False)


class ValkeyRates:
    """Implements `ports.rates.Rates` with the sliding windows of `limits`, by Valkey's clock.

    Keys hold hashes: who may read Valkey learns no subject's name.
    """

    def __init__(self, config: ValkeyRatesConfig) -> None:
        """Opens no connection yet."""
        self._valkey = Valkey.from_url(
            config.url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        )
        self._storage = RedisStorage(
            f"async+{config.url}",
            key_prefix="imagewright:rates",
            connection_pool=self._valkey.connection_pool,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._valkey.aclose()

    async def take(self, key: str, pace: Pace, cost: int = 1) -> int:
        place = _place(key, pace.seconds)
        taken = await _asked(
            self._storage.acquire_sliding_window_entry(place, pace.count, pace.seconds, cost)
        )
        if taken:
            return 0
        window = await self.look(key, pace.seconds)
        return max(1, window.after(pace.count, cost))

    async def look(self, key: str, seconds: int) -> Window:
        previous, fading, current, left = await _asked(
            self._storage.get_sliding_window(_place(key, seconds), seconds)
        )
        return Window(
            seconds=seconds,
            previous=previous,
            fading=fading,
            current=current,
            left=max(0.0, left - seconds),
        )

    async def ping(self) -> None:
        await _asked(self._valkey.ping())


def _place(key: str, seconds: int) -> str:
    """The most is none of the key: a limit that is changed goes on with what was counted."""
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return RateLimitItemPerSecond(1, seconds, namespace="window").key_for(name)


async def _asked(answer: Awaitable[Result]) -> Result:
    try:
        return await answer
    except (ValkeyError, OSError) as error:
        raise Unavailable(
            "Request rates cannot be counted right now.",
            hint="Try again shortly; nothing was done.",
            details={"retry_after": _RETRY_SECONDS},
        ) from error
