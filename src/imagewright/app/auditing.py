"""The audit opened by commands, beside a service that runs or without one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.sql.audit import SqlAudit, enter_notes
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import NotMade
from imagewright.app.ownership import as_owner
from imagewright.app.parts import KEY, chain_key, database_url
from imagewright.core.audit import OPERATOR, written
from imagewright.core.errors import Fault
from imagewright.core.flaw import Flaw
from imagewright.ports.audit import Note
from imagewright.services.auditor import Auditor
from imagewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAct:
    """What the operator did at the service's machine, and what may be told of it.

    `by` is their name at the machine.
    """

    by: str
    action: str
    thing: str
    outcome: str
    reason: str | None = None
    shape: Mapping[str, object] = field(default_factory=dict)

    def note(self, now: int) -> Note:
        """The line of the audit that tells of it."""
        return Note(
            at=now,
            subject=OPERATOR,
            credential=self.by,
            action=self.action,
            thing=self.thing,
            outcome=self.outcome,
            reason=self.reason,
            shape=written(dict(self.shape)).decode() if self.shape else None,
        )


async def enter_acts(settings: Settings, acts: Sequence[AdminAct]) -> None:
    """Write a line for each thing that a command did, all or none, beside a running service.

    The service seals them. An act that writes a row of its own calls
    `adapters.sql.audit.enter_note` in that transaction instead. Raises NotMade where there is no
    database yet, and Unavailable where it is away or of another version.
    """
    now = SystemClock().now()
    with as_owner(settings.state):
        database = Database(SqlConfig(url=database_url(settings)))
        await database.open_beside(write=True)
        try:
            await database.write(partial(enter_notes, notes=[act.note(now) for act in acts]))
        finally:
            await database.close()


async def tell_acts(settings: Settings, acts: Sequence[AdminAct]) -> Flaw | None:
    """As `enter_acts`, for what stands whatever comes of that: a warning where it failed.

    Before the first start of a service there is no audit, and nothing to warn of.
    """
    try:
        await enter_acts(settings, acts)
    except NotMade:
        return None
    except Exception as error:  # noqa: BLE001 - the command did its work, and has to say so
        why = error.sentence if isinstance(error, Fault) else "It could not be written."
        hint = error.hint if isinstance(error, Fault) else ""
        sentence = f"The audit has no line of this. {why}"
        return Flaw(place="", key="", sentence=sentence, hint=hint, warning=True)
    return None


@asynccontextmanager
async def auditor(settings: Settings) -> AsyncIterator[Auditor]:
    """The audit of a service; nothing is made or written.

    Raises Unavailable where there is no key or no database yet.
    """
    with as_owner(settings.state):
        key = chain_key(KeyFile(settings.state / KEY, make=False))
        database = Database(SqlConfig(url=database_url(settings)))
        await database.open_beside()
        try:
            yield Auditor(SqlAudit(database, key), key)
        finally:
            await database.close()
