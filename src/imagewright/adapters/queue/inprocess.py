"""Waking workers of this process."""

import asyncio


class InProcessQueue:
    """The `Queue` of a single process: each delivery wakes one waiting worker."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def deliver(self, job: str) -> None:
        """Wake one worker; where none waits, those at work look again by themselves."""
        while self._waiting:
            waiter = self._waiting.pop()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def wait(self, timeout: float) -> None:
        """Sleep until a delivery, or for `timeout` seconds."""
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
