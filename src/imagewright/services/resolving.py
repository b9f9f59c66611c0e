"""Saying what became of jobs of unknown outcome, in the operator's name."""

from dataclasses import dataclass

from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.resolution import Resolution
from imagewright.core.revocation import Warrant
from imagewright.ports.clock import Clock
from imagewright.ports.docket import Docket


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Who says what they say, and why; `signed` as in `core.resolution.Resolution`."""

    by: str
    note: str
    signed: str | None = None


class ResolvingService:
    """Works on the database alone, so that it serves beside a running service."""

    def __init__(self, docket: Docket, clock: Clock) -> None:
        self._docket = docket
        self._clock = clock

    async def list(
        self, *, state: State | None, subject: str | None, limit: int
    ) -> tuple[Job, ...]:
        """The newest jobs, the newest first. Raises Unavailable."""
        return await self._docket.jobs(state, subject, limit)

    async def resolve(self, job: str, amount: Nano | None, say: Say) -> Job:
        """End a job at an amount, or (None) at its ceiling.

        Raises NotFound, InvalidRequest or Unavailable.
        """
        resolution = Resolution(
            job=job, amount=amount, warrant=self._warrant(say), signed=say.signed
        )
        return await self._docket.resolve(resolution)

    async def ask(self, job: str, say: Say) -> Job:
        """Let the service ask the vendor once more. Raises as `resolve` does."""
        return await self._docket.ask_again(job, self._warrant(say))

    def _warrant(self, say: Say) -> Warrant:
        return Warrant(by=say.by, reason=say.note, at=self._clock.now())
