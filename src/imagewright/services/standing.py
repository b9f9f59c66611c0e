"""Who stands where: the operator's ACL, less what was revoked a moment ago."""

import asyncio
import logging
from dataclasses import replace

from imagewright.core.errors import Fault, Internal, Unavailable
from imagewright.core.policy import Acl
from imagewright.core.revocation import Target
from imagewright.ports.acl import AclSource
from imagewright.ports.clock import Clock
from imagewright.ports.revocations import Revocations

_log = logging.getLogger(__name__)
_EVERY = 0.5
_OLDEST = 3.0
_RETRY_SECONDS = 1


class Standing:
    """Implements `ports.acl.AclSource` from a copy of the revocations.

    While the database answers, the copy is at most one second old. One that is older than three
    seconds decides nothing any more.
    """

    def __init__(self, acl: AclSource, revocations: Revocations, clock: Clock) -> None:
        self._acl = acl
        self._revocations = revocations
        self._clock = clock
        self._read_at = float("-inf")
        self._revoked: frozenset[Target] = frozenset()
        self._joined: tuple[Acl, frozenset[Target], Acl] | None = None

    def current(self) -> Acl:
        """The ACL in force now. Raises Unavailable while the copy is too old."""
        if self._clock.monotonic() - self._read_at > _OLDEST:
            raise Unavailable(
                "What was revoked cannot be told right now.",
                hint="Try again shortly; nothing was done.",
                details={"retry_after": _RETRY_SECONDS},
            )
        acl, revoked = self._acl.current(), self._revoked
        if not revoked:
            return acl
        if self._joined is None or self._joined[0] is not acl or self._joined[1] is not revoked:
            self._joined = acl, revoked, replace(acl, revoked=revoked)
        return self._joined[2]

    async def refresh(self) -> None:
        """Read the revocations. Raises Unavailable; the copy then only grows older."""
        began = self._clock.monotonic()
        self._revoked = await self._revocations.in_force()
        self._read_at = began

    async def keep(self) -> None:
        """Refresh twice a second, for as long as it is awaited."""
        failing = False
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.refresh()
                failing = False
            except Exception as fault:  # noqa: BLE001 - whatever fails, the next reading may not
                if not failing:
                    told = isinstance(fault, Fault)
                    code = fault.code if isinstance(fault, Fault) else Internal.code
                    _log.error("revocations not read", extra={"code": code}, exc_info=not told)
                failing = True
