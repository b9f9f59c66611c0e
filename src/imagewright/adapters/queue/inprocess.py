"""Waking workers of this process."""

import asyncio

_KEPT = 16
"""Deliveries that nobody waited for; those at work look again by themselves anyway."""


class InProcessQueue:
    """The `Queue` of a single process: each delivery wakes one waiting worker."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []
        self._missed = 0

    async def deliver(self, job: str) -> None:
        """Wake one worker; where none waits, the next that comes to wait looks again at once.

        It may have looked just before the job was there.
        """
        while self._waiting:
            waiter = self._waiting.pop()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._missed = min(self._missed + 1, _KEPT)

    async def wait(self, timeout: float) -> None:
        """Sleep until a delivery, or for `timeout` seconds."""
        if self._missed:
            self._missed -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
