"""Sign-ins to the pages, kept so that one that ended has ended everywhere."""

from typing import Protocol

from imagewright.core.session import Session
from imagewright.ports.audit import Note

MOST = 20
"""Sessions that one subject may have at once; the oldest ends for another."""


class Sessions(Protocol):
    """Called by `services.sessions` alone. Times are UTC microseconds, handed in.

    Whoever is asked for has not signed in yet, so no method but `begin` knows a subject: an id
    is the hash of 256 random bits that one browser holds.
    """

    async def begin(self, session: Session, instead_of: str | None, note: Note) -> None:
        """Enter a session and its line of the audit, and end the one that the browser had.

        All of it is one transaction. Sessions whose `ends_at` has come are forgotten, and the
        subject's oldest beyond `MOST`.
        """

    async def find(self, id: str) -> Session | None:
        """The session as it was entered and last seen, whether or not its time is over."""

    async def touch(self, id: str, seen_at: int) -> None:
        """Enter when it was last used; later than before, or nothing. One that ended stays so."""

    async def end(self, id: str, note: Note | None = None) -> None:
        """Forget a session, and enter the note; where there is none to forget, do nothing."""
