"""A job: one ask on its way through a provider."""

from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.caller import Caller
from imagewright.core.money import Nano
from imagewright.core.quote import Consent


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    OUTCOME_UNKNOWN = "outcome_unknown"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in {State.QUEUED, State.RUNNING}


JOINABLE = frozenset({State.QUEUED, State.RUNNING, State.OUTCOME_UNKNOWN})
"""States in which the same ask finds this job; one such job per subject and digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the jobs table. Times are UTC microseconds, money nano-dollars.

    `plan` is the resolved ask as canonical JSON, `digest` that of the ask as given.
    `consent` is the strength by which it was admitted. `attempt` counts claims;
    `started_at` is set before the provider is called; `actual` is None until the job is settled.
    """

    id: str
    caller: Caller
    state: State
    digest: str
    plan: str
    provider: str
    model: str
    count: int
    quote: str
    consent: Consent
    ceiling: Nano
    actual: Nano | None
    attempt: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    stage: str
    done: int
    total: int
    cancel: bool
    error_code: str | None
    error_sentence: str | None
    outcome: str | None
    """What was made, as JSON: usage, warnings, failures by index; None until settled."""
    group: str | None = None
    """The job group that entered it."""
    request: str | None = None
    """By what its provider can be asked after the order that it took, as `core.taken` writes it."""
