"""The docket: everybody's jobs as the operator sees them, and those whose outcome nobody knows."""

from typing import Protocol

from imagewright.core.job import Job, State
from imagewright.core.resolution import Backlog, Resolution
from imagewright.core.revocation import Warrant


class Docket(Protocol):
    """Called for the operator alone. Every method is one transaction beside a running service."""

    async def jobs(self, state: State | None, subject: str | None, limit: int) -> tuple[Job, ...]:
        """The newest jobs, the newest first, in a state and of a subject where they are named."""

    async def backlog(self) -> tuple[Backlog, ...]:
        """The jobs of unknown outcome, by provider."""

    async def resolve(self, resolution: Resolution) -> Job:
        """End a job of unknown outcome as failed, at what it has cost, with the code `resolved`.

        Its hold leaves the accounts that it was made on and the amount enters them; what is above
        the ceiling is entered as an adjust, whatever the limits are. Audited in the operator's
        name. The same ask is a new one from then on.
        Raises NotFound for no such job, and InvalidRequest for one in another state.
        """

    async def ask_again(self, job: str, warrant: Warrant) -> Job:
        """Let the service ask the vendor once more what became of a job; its hold stays.

        The service, or the next one that starts, claims it at once and settles it as the vendor
        tells. Audited. Raises NotFound for no such job, and InvalidRequest for one in another
        state or one whose vendor told nothing to ask by.
        """
