"""A service under a supervisor: what it is told, and the sign of life that it waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from imagewright.adapters.systemd.notifier import Notifier
from imagewright.settings.supervision import Supervision

_SIGNS = 3
"""Signs of life within the supervisor's patience."""


@asynccontextmanager
async def beating(
    supervision: Supervision, notifier: Notifier, turns: Callable[[], bool]
) -> AsyncIterator[None]:
    """Give a sign of life as long as the event loop and what `turns` looks at turn over."""
    if supervision.watchdog is None:
        yield
        return
    beat = asyncio.create_task(_beat(notifier, supervision.watchdog / _SIGNS, turns))
    try:
        yield
    finally:
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)


async def _beat(notifier: Notifier, seconds: float, turns: Callable[[], bool]) -> None:
    while True:
        if turns():
            notifier.alive()
        await asyncio.sleep(seconds)
