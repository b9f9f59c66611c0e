"""What the service says of itself: version, mode, limits, and whether its parts answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from imagewright.core.flaw import Flaw
from imagewright.ports.clock import Clock
from imagewright.services.intake import Intake

_ASK_SECONDS = 3.0
_KEEP_SECONDS = 1.0

Ping = Callable[[], Awaitable[None]]
Flaws = Callable[[], tuple[Flaw, ...]]
"""Why a file of the operator's is not in force as it stands now; none where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Facts that do not change while the service runs."""

    name: str
    version: str
    limits: Mapping[str, int | str]
    confinement: Callable[[], Mapping[str, str]] = dict
    files: Mapping[str, Flaws] = field(default_factory=dict)


class StatusService:
    """Asks every part at most once a second, however often it is asked itself."""

    def __init__(
        self, about: About, parts: Mapping[str, Ping], intake: Intake, clock: Clock
    ) -> None:
        self.about = about
        self._intake = intake
        self._parts = parts
        self._clock = clock
        self._lock = asyncio.Lock()
        self._seen: dict[str, bool] = {}
        self._until = float("-inf")

    @property
    def draining(self) -> bool:
        """Whether the service is being stopped."""
        return self._intake.closed

    async def ready(self) -> bool:
        """Whether new work is taken: every part answers and the service is not being stopped."""
        return not self.draining and all((await self.parts()).values())

    def flaws(self) -> Mapping[str, tuple[str, ...]]:
        """For each watched file, what keeps it as it stands now from being in force."""
        return {
            name: tuple(str(flaw) for flaw in flaws()) for name, flaws in self.about.files.items()
        }

    async def parts(self) -> Mapping[str, bool]:
        """Which parts answer."""
        async with self._lock:
            if self._clock.monotonic() >= self._until:
                answers = await asyncio.gather(*(self._ask(ping) for ping in self._parts.values()))
                self._seen = dict(zip(self._parts, answers, strict=True))
                self._until = self._clock.monotonic() + _KEEP_SECONDS
            return dict(self._seen)

    async def _ask(self, ping: Ping) -> bool:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await ping()
        except Exception:  # noqa: BLE001 - whatever fails in a part, the part is not ready
            return False
        return True
