"""Delivery of job ids to workers. The jobs table is the truth: a lost or doubled id does no harm."""

from typing import Protocol


class Queue(Protocol):
    """Wakes workers; carries no state that matters."""

    async def deliver(self, job: str) -> None:
        """Tell the workers that a job waits."""

    async def wait(self, timeout: float) -> None:
        """Return when something was delivered, or after `timeout` seconds."""
