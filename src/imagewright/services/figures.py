"""Figures that only the database knows: told as metrics, and told again while they are bad."""

import asyncio
import logging

from imagewright.core.errors import Fault, Internal
from imagewright.core.resolution import Backlog
from imagewright.ports.clock import Clock
from imagewright.ports.docket import Docket
from imagewright.ports.reconciliations import Reconciliations
from imagewright.ports.telemetry import Telemetry
from imagewright.services.alarm import Alarm

_log = logging.getLogger(__name__)
_EVERY = 60.0
_TOLD_EVERY = 3600.0
_MICRO = 1_000_000


class Figures:
    """Runs beside the service on every node: what one tells, all tell."""

    def __init__(
        self,
        docket: Docket,
        kept: Reconciliations,
        telemetry: Telemetry,
        clock: Clock,
        alarm: Alarm,
    ) -> None:
        self._docket = docket
        self._kept = kept
        self._telemetry = telemetry
        self._clock = clock
        self._alarm = alarm
        self._seen: set[str] = set()
        self._told_at = float("-inf")
        self._failing = False

    async def run(self) -> None:
        """Look at them at once, and then once a minute until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(_EVERY)

    async def turn(self) -> None:
        """Look at them; what fails is told once and tried again."""
        try:
            backlog = await self._docket.backlog()
            for found in await self._kept.last():
                self._telemetry.reconciled(found.provider, found.drift, found.at)
        except Exception as fault:  # noqa: BLE001 - the next turn does it
            if not self._failing:
                known = isinstance(fault, Fault)
                code = fault.code if isinstance(fault, Fault) else Internal.code
                _log.error("figures not read", extra={"code": code}, exc_info=not known)
            self._failing = True
            return
        self._failing = False
        self._count(backlog)
        self._tell(backlog)

    def _count(self, backlog: tuple[Backlog, ...]) -> None:
        """A provider that was seen once is told of from then on, also where none is left."""
        counts = {each.provider: each.count for each in backlog}
        self._seen |= counts.keys()
        for provider in self._seen:
            self._telemetry.unknown(provider, counts.get(provider, 0))

    def _tell(self, backlog: tuple[Backlog, ...]) -> None:
        now = self._clock.monotonic()
        if not backlog or now - self._told_at < _TOLD_EVERY:
            return
        self._told_at = now
        count, oldest = sum(each.count for each in backlog), min(each.oldest for each in backlog)
        self._alarm.outcomes_unknown(count, max(0, self._clock.now() - oldest) // _MICRO)
