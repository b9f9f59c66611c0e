"""Jobs of unknown outcome: how many there are, and what an operator says of one."""

from dataclasses import dataclass
from typing import ClassVar

from imagewright.core.job import Job
from imagewright.core.money import FREE, Nano
from imagewright.core.revocation import Warrant
from imagewright.core.spending import Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The jobs of unknown outcome at a provider, and when (UTC microseconds) the oldest ended."""

    provider: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a job has cost: an amount of nano-dollars, or None for the ceiling that it holds.

    `signed` is the name that whoever decided it goes by, beside that of the system's user.
    Raises InvalidRequest for one that is not one line.
    """

    ASKED: ClassVar[str] = "asked"
    CHARGED: ClassVar[str] = "charged"
    NOT_CHARGED: ClassVar[str] = "not_charged"

    job: str
    amount: Nano | None
    warrant: Warrant
    signed: str | None = None

    def __post_init__(self) -> None:
        if self.signed is not None:
            Warrant(by=self.signed, reason=self.warrant.reason, at=self.warrant.at)

    def split(self, job: Job) -> tuple[Settled, Nano]:
        """What the job is settled at, and by how much the vendor's charge is above its ceiling."""
        amount = job.ceiling if self.amount is None else self.amount
        settled = Nano(min(amount, job.ceiling))
        return Settled(amount=settled), Nano(amount - settled)

    @property
    def outcome(self) -> str:
        """As the audit has it."""
        return self.NOT_CHARGED if self.amount == FREE else self.CHARGED

    @property
    def sentence(self) -> str:
        """As the job's own subject is told."""
        charged = "did not charge" if self.amount == FREE else "charged"
        return f"The provider {charged} for this, and no picture came of it."
