"""The sealer: closes the chain of the audit soon after its lines are written."""

import asyncio
import logging

from imagewright.core.chain import MOST, Seal
from imagewright.core.errors import Fault, Internal
from imagewright.ports.audit import Audit
from imagewright.ports.clock import Clock

_log = logging.getLogger(__name__)
_EVERY = 0.5
_TOLD_EVERY = 1.0


class Sealer:
    """Runs beside the service on every node; whichever comes first seals.

    The head is logged when it moved, at most once a second: a chain that is cut off at its end
    can then be told from the log.
    """

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._untold: Seal | None = None
        self._told_at = float("-inf")
        self._failing = False

    async def run(self) -> None:
        """Seal twice a second until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(_EVERY)

    async def turn(self, *, last: bool = False) -> None:
        """Seal what is open, and tell of the head; what fails is told once and tried again.

        `last` tells of the head however soon it is after the one before.
        """
        try:
            await self._seal()
        except Exception as fault:  # noqa: BLE001 - the next turn does it
            if not self._failing:
                code = fault.code if isinstance(fault, Fault) else Internal.code
                known = isinstance(fault, Fault)
                _log.error("audit not sealed", extra={"code": code}, exc_info=not known)
            self._failing = True
        else:
            self._failing = False
        now = self._clock.monotonic()
        if self._untold is not None and (last or now - self._told_at >= _TOLD_EVERY):
            _log.info("audit sealed", extra={"head": self._untold.head})
            self._untold, self._told_at = None, now

    async def _seal(self) -> None:
        while (seal := await self._audit.seal(self._clock.now())) is not None:
            self._untold = seal
            if len(seal.covered()) < MOST:
                return
