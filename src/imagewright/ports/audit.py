"""The audit: lines of what was decided, and the chain of seals over them.

Lines of admissions, settlements and images are written inside their own transactions; here is
what enters the rest, closes the chain, and reads both.
"""

from dataclasses import dataclass
from typing import Protocol

from imagewright.core.audit import Entry
from imagewright.core.chain import Seal
from imagewright.core.ranges import Ranges
from imagewright.ports.books import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line that no transaction of its own writes; see `core.audit.Entry` for the fields."""

    at: int
    subject: str
    credential: str
    action: str
    thing: str
    outcome: str
    reason: str | None = None
    origin: Origin | None = None
    shape: str | None = None
    count: int | None = None


class Audit(Protocol):
    """Written by `services.sealer` and `services.witness`, read by `services.auditor`."""

    async def enter(self, notes: tuple[Note, ...]) -> None:
        """Write lines, all or none."""

    async def seal(self, now: int) -> Seal | None:
        """Close the chain over the lines that are not sealed yet, up to `core.chain.MOST`.

        None where there is none. Whoever else seals at the same time, each line gets one seal.
        """

    async def seals(self, after: int, limit: int) -> tuple[Seal, ...]:
        """The seals with numbers above `after`, in order."""

    async def entries(self, ids: Ranges, limit: int) -> tuple[Entry, ...]:
        """The lines with these numbers that are there, in order."""

    async def count(self, ids: Ranges) -> int:
        """How many lines with these numbers are there."""

    async def newest(self, limit: int, subject: str | None = None) -> tuple[Entry, ...]:
        """The newest lines, in order; of one subject if it is named."""
