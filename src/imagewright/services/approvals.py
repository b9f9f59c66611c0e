"""Answers to the questions at the door: by people on the pages, by links, through clients."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from imagewright.core.caller import Caller
from imagewright.core.errors import ConfirmationRequired, Forbidden, NotFound
from imagewright.core.ids import RandomBytes
from imagewright.core.money import usd
from imagewright.core.notice import Event, Notice
from imagewright.core.quote import Consent, OpenQuote
from imagewright.core.scope import Scope
from imagewright.core.secret import Secret
from imagewright.core.session import Session
from imagewright.ports.approvals import Approvals, Link, Reply, Way, gone
from imagewright.ports.books import Origin
from imagewright.ports.clock import Clock
from imagewright.ports.notices import Notices
from imagewright.services.gate import Gate
from imagewright.services.witness import Act, Witness

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_BYTES = 32


class Right(StrEnum):
    """Whether a session may answer, or why it may only look."""

    ANSWER = "answer"
    NOT_HUMAN = "not_human"
    NOT_GRANTED = "not_granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the service tells, and is told by; `pages` is the address of the approval pages."""

    clock: Clock
    random: RandomBytes
    notices: Notices
    witness: Witness
    pages: str | None = None


class ApprovalService:
    """A yes of a person is worth more than one that a program could have given.

    So it is taken in a session that no program's token begins, whose subject is granted `approve`
    by name; or from whoever was sent a quote's link by the operator's own webhook.
    """

    def __init__(self, rows: Approvals, gate: Gate, outside: Outside) -> None:
        self._rows = rows
        self._gate = gate
        self._outside = outside

    def right(self, session: Session) -> Right:
        """What a session may do with its subject's open quotes.

        Raises Forbidden for one that may not even see what its subject asked for.
        """
        caller = session.caller
        granted = self._gate.decide(caller, None, Scope.APPROVE).allowed
        if not granted and not self._gate.decide(caller, None, Scope.IMAGES_READ).allowed:
            raise Forbidden("You may not see what was asked for.", hint="Ask the operator.")
        if not session.approves:
            return Right.NOT_HUMAN
        return Right.ANSWER if granted else Right.NOT_GRANTED

    async def open(self, session: Session) -> tuple[OpenQuote, ...]:
        """The open quotes of a session's subject, newest first. Raises Forbidden."""
        self.right(session)
        return await self._rows.of(session.caller.subject, self._outside.clock.now())

    async def get(self, session: Session, quote: str) -> OpenQuote:
        """One of them. Raises Forbidden or NotFound."""
        self.right(session)
        return await self._rows.get(session.caller.subject, quote, self._outside.clock.now())

    async def answer(self, session: Session, quote: str, origin: Origin, *, yes: bool) -> OpenQuote:
        """Enter what a person answers. Raises NotFound, and Forbidden where it is no person's."""
        right = self.right(session)
        if right is not Right.ANSWER:
            self._refused(session, right, origin)
            raise Forbidden("This sign-in may not approve spending.", hint="Ask the operator.")
        return await self._rows.answer(
            session.caller, quote, self._reply(Way.PAGE, origin, yes=yes)
        )

    async def declined(self, caller: Caller, quote: str, origin: Origin) -> None:
        """Enter a no that came through the client; where nothing is open, there is none."""
        try:
            await self._rows.answer(caller, quote, self._reply(Way.CLIENT, origin, yes=False))
        except NotFound:
            return

    async def approved(self, caller: Caller, quote: str) -> bool:
        """Whether a person has approved an open quote. Raises NotFound once it is not open."""
        found = await self._rows.get(caller.subject, quote, self._outside.clock.now())
        return found.approved_at is not None

    async def behind(self, secret: str) -> OpenQuote:
        """What a link leads to; looking changes nothing. Raises NotFound."""
        return await self._rows.behind(_digest(secret), self._outside.clock.now())

    async def answer_link(self, secret: str, origin: Origin, *, yes: bool) -> OpenQuote:
        """Enter what whoever has a link answers; it ends with that. Raises NotFound."""
        return await self._rows.answer_link(_digest(secret), self._reply(Way.LINK, origin, yes=yes))

    async def call_for(
        self, caller: Caller, required: ConfirmationRequired, origin: Origin
    ) -> None:
        """Send for a person through the operator's webhook, once for each quote.

        That is where nobody was asked, the caller cannot give the consent itself, and no session
        of its subject could.
        """
        if not self._outside.notices.wants(Event.CONFIRMATION_REQUIRED):
            return
        anyhow = replace(caller, credential=replace(caller.credential, scopes=None))
        if Scope.APPROVE in self._gate.scopes(anyhow):
            return
        if Consent.ECHO in self._gate.consents(caller):
            return
        secret = _text(self._outside.random(_BYTES))
        quote, now = str(required.details["quote"]), self._outside.clock.now()
        link = Link(quote=quote, digest=_digest(secret), origin=origin, at=now)
        found = await self._rows.link(caller, link)
        if found is not None:
            self._outside.notices.send(self._notice(found, secret))

    def _notice(self, found: OpenQuote, secret: str) -> Notice:
        quote, pages = found.quote, self._outside.pages
        return Notice(
            event=Event.CONFIRMATION_REQUIRED,
            at=self._outside.clock.now(),
            subject=found.subject,
            amounts={"ceiling": usd(quote.ceiling)},
            facts={
                "provider": quote.provider,
                "model": quote.model,
                "n": quote.count,
                "size": quote.size,
                "estimate": quote.estimate,
                "expires_at": quote.expires_at // 1_000_000,
            },
            ids={"quote": quote.id},
            link=Secret(f"{pages}/link/{secret}") if pages else None,
        )

    def _reply(self, way: Way, origin: Origin, *, yes: bool) -> Reply:
        return Reply(yes=yes, way=way, origin=origin, at=self._outside.clock.now())

    def _refused(self, session: Session, right: Right, origin: Origin) -> None:
        act = Act(
            action="answer", thing="approvals", outcome="denied", reason=right.value, origin=origin
        )
        self._outside.witness.refused(session.caller, act)


def link_csrf(secret: str) -> str:
    """What only the page behind a link can know; the secret does not follow from it."""
    return _text(hmac.digest(secret.encode(), b"csrf", "sha256"))


def _digest(secret: str) -> str:
    """Raises NotFound for a text that no link holds."""
    if not _SECRET.match(secret):
        raise gone()
    return hashlib.sha256(secret.encode()).hexdigest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
