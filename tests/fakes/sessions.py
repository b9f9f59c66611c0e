"""Sessions in memory."""

from dataclasses import replace

from imagewright.core.session import Session
from imagewright.ports.audit import Note
from imagewright.ports.sessions import MOST


class FakeSessions:
    """Keeps `ports.sessions.Sessions`."""

    def __init__(self) -> None:
        self.rows: dict[str, Session] = {}
        self.touched = 0
        self.notes: list[Note] = []

    async def begin(self, session: Session, instead_of: str | None, note: Note) -> None:
        over = {id for id, each in self.rows.items() if each.ends_at <= session.began_at}
        for id in (*over, instead_of or ""):
            self.rows.pop(id, None)
        whose = session.caller.subject
        own = [each for each in self.rows.values() if each.caller.subject == whose]
        for each in sorted(own, key=lambda one: -one.began_at)[MOST - 1 :]:
            self.rows.pop(each.id)
        self.rows[session.id] = session
        self.notes.append(note)

    async def find(self, id: str) -> Session | None:
        return self.rows.get(id)

    async def touch(self, id: str, seen_at: int) -> None:
        self.touched += 1
        if id in self.rows and self.rows[id].seen_at < seen_at:
            self.rows[id] = replace(self.rows[id], seen_at=seen_at)

    async def end(self, id: str, note: Note | None = None) -> None:
        if self.rows.pop(id, None) is not None and note is not None:
            self.notes.append(note)
