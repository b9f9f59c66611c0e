"""The audit opened by commands, beside a service that runs or without one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.sql.audit import SqlAudit, enter_note
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.app.parts import KEY, chain_key, database_url
from imagewright.core.audit import OPERATOR, written
from imagewright.core.caller import LOCAL
from imagewright.ports.audit import Note
from imagewright.services.auditor import Auditor
from imagewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAct:
    """What the operator did at the service's machine, and what may be told of it."""

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
            credential=LOCAL,
            action=self.action,
            thing=self.thing,
            outcome=self.outcome,
            reason=self.reason,
            shape=written(dict(self.shape)).decode() if self.shape else None,
        )


async def enter_act(settings: Settings, act: AdminAct) -> None:
    """Write a line for what a command did, beside a running service, which will seal it.

    An act that writes a row of its own calls `adapters.sql.audit.enter_note` in that transaction
    instead. Raises Unavailable where there is no database yet, or it is away.
    """
    note = act.note(SystemClock().now())
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_beside(write=True)
    try:
        await database.write(partial(enter_note, note=note))
    finally:
        await database.close()


@asynccontextmanager
async def auditor(settings: Settings) -> AsyncIterator[Auditor]:
    """The audit of a service; nothing is made or written.

    Raises Unavailable where there is no key or no database yet.
    """
    key = chain_key(KeyFile(settings.state / KEY, make=False))
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open_beside()
    try:
        yield Auditor(SqlAudit(database, key), key)
    finally:
        await database.close()
