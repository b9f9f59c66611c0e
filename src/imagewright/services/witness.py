"""The witness: notes what no transaction of its own writes, and writes it in the background."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from imagewright.core.caller import Caller
from imagewright.core.errors import Fault, Internal
from imagewright.ports.audit import Audit, Note
from imagewright.ports.books import Origin
from imagewright.ports.clock import Clock
from imagewright.ports.telemetry import Telemetry

_log = logging.getLogger(__name__)
_EVERY = 1.0
_TOGETHER = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a caller tried, from where, and why it was answered as it was."""

    action: str
    thing: str
    outcome: str
    reason: str
    origin: Origin
    shape: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessRules:
    """Whether reads that were allowed are noted; how many notes may wait to be written."""

    reads: bool = False
    refusals: int = 1000
    others: int = 10_000


class Witness:
    """No request waits for it; what finds no room is counted and lost."""

    def __init__(
        self, audit: Audit, clock: Clock, telemetry: Telemetry, rules: WitnessRules
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._telemetry = telemetry
        self._rules = rules
        self._refusals: dict[tuple[str, str, str | None], Note] = {}
        self._others: deque[Note] = deque()
        self._failing = False

    @property
    def reads(self) -> bool:
        """Whether reads that were allowed are to be told of."""
        return self._rules.reads

    def refused(self, caller: Caller, act: Act) -> None:
        """Note a refusal: one line a second for each subject, outcome and reason, with a count."""
        self._refuse(self._note(caller, act))

    def allowed(self, caller: Caller, act: Act) -> None:
        """Note a read."""
        self.note(self._note(caller, act))

    def note(self, note: Note) -> None:
        """Note anything else, in a line of its own."""
        if len(self._others) >= self._rules.others:
            self._telemetry.audit_dropped(note.action)
        else:
            self._others.append(note)

    async def run(self) -> None:
        """Write once a second until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. What cannot be written waits on; that is told once."""
        waiting = list(self._refusals.values())
        self._refusals.clear()
        # One by one: the operator's files are looked at, and noted, on another thread.
        while self._others:
            waiting.append(self._others.popleft())
        try:
            while waiting:
                await self._audit.enter(tuple(waiting[:_TOGETHER]))
                del waiting[:_TOGETHER]
        except Exception as fault:  # noqa: BLE001 - written with the next turn
            if not self._failing:
                known = isinstance(fault, Fault)
                code = fault.code if isinstance(fault, Fault) else Internal.code
                _log.error("audit not written", extra={"code": code}, exc_info=not known)
            self._failing = True
            self._take_back(waiting)
        else:
            self._failing = False

    def _note(self, caller: Caller, act: Act) -> Note:
        return Note(
            at=self._clock.now(),
            subject=caller.subject,
            credential=caller.credential.id,
            action=act.action,
            thing=act.thing,
            outcome=act.outcome,
            reason=act.reason,
            origin=act.origin,
            shape=act.shape,
        )

    def _refuse(self, note: Note) -> None:
        key = (note.subject, note.outcome, note.reason)
        known = self._refusals.get(key)
        if known is not None:
            count = (known.count or 0) + (note.count or 1)
            self._refusals[key] = replace(known, count=count)
        elif len(self._refusals) >= self._rules.refusals:
            self._telemetry.audit_dropped(note.action)
        else:
            self._refusals[key] = replace(note, count=note.count or 1)

    def _take_back(self, notes: Sequence[Note]) -> None:
        """Those that were noted meanwhile are newer, and follow; the newest find no room."""
        later = list(self._refusals.values())
        self._refusals.clear()
        for note in (*(each for each in notes if each.count is not None), *later):
            self._refuse(note)
        self._others.extendleft(reversed([each for each in notes if each.count is None]))
        while len(self._others) > self._rules.others:
            self._telemetry.audit_dropped(self._others.pop().action)
