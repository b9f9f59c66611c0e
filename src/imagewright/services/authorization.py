"""Signing in through the identity provider: asked, agreed to, and brought back as a code."""

import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from imagewright.core.audit import STRANGER
from imagewright.core.errors import Fault, InvalidRequest, Unauthenticated
from imagewright.core.oauth import Asked, Client, Refused, Trouble, asked_scopes, hashed
from imagewright.core.rate import Rate, Turns
from imagewright.ports.audit import Note
from imagewright.ports.books import Origin
from imagewright.ports.upstream import Answer, Leg, Upstream
from imagewright.services.grants import Grants
from imagewright.services.kit import NO_CREDENTIAL, Kit
from imagewright.services.registration import Registrations

ASKS, LEGS = "oauth-asks", "oauth-legs"
_SECONDS = 600.0
"""How long a person has to agree, and then to sign in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked; `id` and `token` come back with the answer, `browser` in a cookie."""

    client: Client
    asked: Asked
    id: str = field(repr=False)
    token: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from a question's page, and from which browser."""

    id: str = field(repr=False)
    token: str = field(repr=False)
    browser: str = field(repr=False)
    agreed: bool

    def fits(self, browser: str, token: str) -> bool:
        """Whether it is from the browser and the page whose hashes these are."""
        return _same(self.browser, browser) and _same(self.token, token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Where a browser is sent at the end, and with what."""

    redirect: str
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRules:
    """`issuer` is our own, `resource` what tokens are for; `rate` bounds questions by strangers."""

    issuer: str
    resource: str
    rate: Rate


class Authorization:
    """One sign-in after another, each bound to the browser that began it.

    The question is asked each time, since the provider knows one client only: ours. Without it,
    whoever registers a client could have a person's browser, signed in there, fetch him a code.
    """

    def __init__(
        self,
        kit: Kit,
        registrations: Registrations,
        grants: Grants,
        upstream: Upstream,
        rules: AuthorizationRules,
    ) -> None:
        self._vault = kit.vault
        self._clock = kit.clock
        self._random = kit.random
        self._note = kit.note
        self._registrations = registrations
        self._grants = grants
        self._upstream = upstream
        self._rules = rules
        self._turns = Turns(rules.rate)

    async def client(self, asked: Mapping[str, str], origin: Origin) -> Client:
        """The client of a request, once its redirect is known to be the client's own.

        Raises Refused where a browser may be sent nowhere, and Unavailable.
        """
        client = await self._registrations.find(asked.get("client_id", ""), origin)
        if client is None:
            raise Refused(Trouble.INVALID_CLIENT, "The client is not registered, or no longer.")
        if not self._registrations.fits(client, asked.get("redirect_uri", "")):
            raise Refused(
                Trouble.INVALID_REQUEST, "The redirect_uri is not one that the client registered."
            )
        return client

    async def ask(
        self, client: Client, request: Mapping[str, str], origin: Origin, browser: str
    ) -> Question:
        """The question to put to the person, in the browser that has this secret, or a new one.

        Raises Refused, for the client to be told, and Unavailable.
        """
        asked = self._asked(client, request)
        if after := self._turns.take(origin.address, self._clock.monotonic()):
            raise Refused(Trouble.UNAVAILABLE, "Too many sign-ins were begun.", after=after)
        question = Question(
            client=client,
            asked=asked,
            id=self._random(),
            token=self._random(),
            browser=browser or self._random(),
        )
        row = {
            "asked": asdict(asked),
            "browser": hashed(question.browser),
            "token": hashed(question.token),
        }
        await self._vault.put(hashed(question.id), row, collection=ASKS, ttl=_SECONDS)
        return question

    async def decide(self, reply: Reply, origin: Origin) -> str | Return:
        """After the answer: the provider's address, or the way back to the client.

        Raises Refused where the answer is not from the page and browser that were asked, and
        Unavailable.
        """
        key = hashed(reply.id)
        row = await self._vault.get(key, collection=ASKS)
        if row is None or not reply.fits(row["browser"], row["token"]):
            raise _stale()
        asked = Asked.read(row["asked"])
        leg = Leg(state=self._random(), nonce=self._random(), verifier=self._random())
        # The provider is asked for first: while it is away, the question stays open.
        address = await self._upstream.address(leg) if reply.agreed else ""
        if not await self._vault.delete(key, collection=ASKS):
            raise _stale()
        if not reply.agreed:
            return self._denied(asked, "person", origin)
        begun = {**row, "nonce": leg.nonce, "verifier": leg.verifier}
        await self._vault.put(hashed(leg.state), begun, collection=LEGS, ttl=_SECONDS)
        return address

    async def finish(
        self, state: str, browser: str, answer: Answer | None, origin: Origin
    ) -> Return:
        """The way back to the client, with a code where the provider vouched for somebody.

        `answer` None is the provider's no. Raises Refused where this browser began no such
        sign-in, and Unavailable where nobody can tell.
        """
        key = hashed(state)
        row = await self._vault.get(key, collection=LEGS)
        if row is None or not _same(browser, row["browser"]):
            raise _stale()
        if not await self._vault.delete(key, collection=LEGS):
            raise _stale()
        asked = Asked.read(row["asked"])
        if answer is None:
            return self._denied(asked, "provider", origin)
        leg = Leg(state=state, nonce=row["nonce"], verifier=row["verifier"])
        try:
            person = await self._upstream.exchange(answer, leg)
        except (Unauthenticated, InvalidRequest):
            return self._denied(asked, "provider", origin)
        except Fault:
            return self._back(asked, {"error": Trouble.UNAVAILABLE.value})
        return self._back(asked, {"code": await self._grants.code(asked, person)})

    def refusal(self, request: Mapping[str, str], refused: Refused) -> Return:
        """The way back for a request whose redirect was found good."""
        values = {"error": refused.trouble.value, "error_description": refused.sentence}
        return self._return(request["redirect_uri"], request.get("state", ""), values)

    def _asked(self, client: Client, request: Mapping[str, str]) -> Asked:
        if request.get("response_type") != "code":
            raise Refused(Trouble.UNSUPPORTED_RESPONSE, "The response_type is not code.")
        if request.get("response_mode", "query") != "query":
            raise Refused(Trouble.INVALID_REQUEST, "The response_mode is not query.")
        if request.get("code_challenge_method") != "S256":
            raise Refused(Trouble.INVALID_REQUEST, "PKCE with S256 is required.")
        if request.get("resource", self._rules.resource) != self._rules.resource:
            raise Refused(Trouble.INVALID_TARGET, "The resource is not this service.")
        return Asked(
            client=client.id,
            redirect=request["redirect_uri"],
            challenge=request.get("code_challenge", ""),
            scopes=asked_scopes(request.get("scope", "")),
            state=request.get("state", ""),
        )

    def _denied(self, asked: Asked, reason: str, origin: Origin) -> Return:
        """Nobody is known by then who could be the line's subject."""
        self._note(
            Note(
                at=self._clock.now(),
                subject=STRANGER,
                credential=NO_CREDENTIAL,
                action="grant",
                thing=asked.client,
                outcome="refused",
                reason=reason,
                origin=origin,
            )
        )
        return self._back(asked, {"error": Trouble.ACCESS_DENIED.value})

    def _back(self, asked: Asked, values: dict[str, str]) -> Return:
        return self._return(asked.redirect, asked.state, values)

    def _return(self, redirect: str, state: str, values: dict[str, str]) -> Return:
        more = {"state": state} if state else {}
        return Return(redirect=redirect, values={**values, **more, "iss": self._rules.issuer})


def _same(secret: str, known: str) -> bool:
    return hmac.compare_digest(hashed(secret), known)


def _stale() -> Refused:
    return Refused(
        Trouble.INVALID_REQUEST,
        "This sign-in was not begun in this browser, or it has ended. Begin again.",
    )
