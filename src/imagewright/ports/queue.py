"""Delivery of job ids to workers; a lost or doubled one does no harm, the table is the truth."""

from typing import Protocol


class Queue(Protocol):
    """Wakes workers; carries no state that matters."""

    async def deliver(self, job: str) -> None:
        """Tell the workers that a job waits."""

    async def wait(self, timeout: float) -> None:
        """Return when something was delivered, or after `timeout` seconds."""
