"""Sessions of the pages: begun with a secret, decided again at every use, ended."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace

from imagewright.core.caller import Caller
from imagewright.core.ids import RandomBytes
from imagewright.core.session import How, Session
from imagewright.ports.audit import Note
from imagewright.ports.auth import Doorkeeper
from imagewright.ports.books import Origin
from imagewright.ports.clock import Clock
from imagewright.ports.sessions import Sessions

_MICRO = 1_000_000
_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_TOLD_EVERY = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """Seconds: without a use, and in all."""

    idle: int = 1800
    longest: int = 28_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Who asks: where it is, and the secret of a session that it may have already."""

    origin: Origin
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A new session, and the secret that its browser alone gets."""

    secret: str = field(repr=False)
    session: Session


class SessionService:
    """A session is good while its secret is shown, its times hold, and its caller stands.

    Beginning one and ending one on demand are audited in the transactions that do it.
    """

    def __init__(
        self,
        rows: Sessions,
        door: Doorkeeper,
        clock: Clock,
        random: RandomBytes,
        rules: SessionRules,
    ) -> None:
        self._rows = rows
        self._door = door
        self._clock = clock
        self._random = random
        self._rules = rules

    async def begin(self, caller: Caller, how: How, browser: Browser, *, proof: str = "") -> Begun:
        """A session under a secret that nobody has seen; the one that the browser had ends.

        `proof` is `core.caller.proof_of` of the token that was shown.
        """
        now = self._clock.now()
        secret = _text(self._random(_BYTES))
        ends_at = now + self._rules.longest * _MICRO
        # What a provider issues to sign in with is over in minutes: it is no credential to keep.
        if how is How.TOKEN and caller.credential.ends_at is not None:
            ends_at = min(ends_at, caller.credential.ends_at)
        session = Session(
            id=_hash(secret),
            caller=caller,
            how=how,
            began_at=now,
            seen_at=now,
            ends_at=ends_at,
            approves=how is How.PROVIDER or caller.credential.approves_only,
            proof=proof,
            csrf=_csrf(secret),
        )
        old = _hash(browser.secret) if _SECRET.match(browser.secret) else None
        note = _note(session, browser.origin, now, action="sign_in", outcome="allowed")
        await self._rows.begin(session, old, note)
        return Begun(secret=secret, session=session)

    async def find(self, secret: str) -> Session | None:
        """The session as it may be used now, or None; one that is over is ended.

        Its caller is narrowed to what the credential may do now. Raises Unavailable.
        """
        session = await self._rows.find(_hash(secret)) if _SECRET.match(secret) else None
        if session is None:
            return None
        now = self._clock.now()
        idle = now - session.seen_at >= self._rules.idle * _MICRO
        current = None
        if not idle and now < session.ends_at:
            current = await self._door.standing(session.caller)
        if current is None or (current.proofs and session.proof not in current.proofs):
            await self._rows.end(session.id)
            return None
        if now - session.seen_at >= min(_TOLD_EVERY, self._rules.idle // 10) * _MICRO:
            await self._rows.touch(session.id, now)
        credential = session.caller.credential.narrowed(current.scopes)
        return replace(
            session,
            caller=replace(session.caller, credential=credential),
            approves=session.approves and (session.how is How.PROVIDER or credential.approves_only),
            csrf=_csrf(secret),
        )

    async def end(self, session: Session, origin: Origin) -> None:
        """End a session that was found, because whoever has it asks for that."""
        note = _note(session, origin, self._clock.now(), action="sign_out", outcome="ended")
        await self._rows.end(session.id, note)


def _note(session: Session, origin: Origin, at: int, *, action: str, outcome: str) -> Note:
    return Note(
        at=at,
        subject=session.caller.subject,
        credential=session.caller.credential.id,
        action=action,
        thing="pages",
        outcome=outcome,
        reason=session.how.value,
        origin=origin,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _csrf(secret: str) -> str:
    """What only pages of this session can know; the secret does not follow from it."""
    return _text(hmac.digest(secret.encode(), b"csrf", "sha256"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
