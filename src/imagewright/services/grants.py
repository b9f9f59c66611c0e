"""What people agreed to: codes, and tokens that are good for as long as the grant stands."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Unauthenticated
from imagewright.core.oauth import GRANTABLE, Asked, Refused, Tokens, Trouble, hashed, proves
from imagewright.core.policy import barred
from imagewright.core.scope import Scope
from imagewright.ports.acl import AclSource
from imagewright.ports.audit import Note
from imagewright.ports.books import Origin
from imagewright.ports.signer import Signer
from imagewright.ports.upstream import Person
from imagewright.services.grant_book import PREFIX, TURNS, Grant, GrantBook
from imagewright.services.kit import Kit
from imagewright.services.registration import Registrations

CODES = "oauth-codes"
_MICRO = 1_000_000
_CODE = 60.0
_REMEMBERED = 600.0
"""Seconds that a used code is known for, so that its second use ends what the first began."""
_AT_ONCE = 10 * _MICRO
"""Two of a client's own processes may show one refresh token within so many microseconds."""
_LEAST = 86_400.0
"""Seconds that a grant stands in any case: jobs that it began go on after its token's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRules:
    """How long an access token is good, and how long a grant lives unused, in seconds.

    `access_signer` and `refresh_signer` know their own tokens and never each other's. `acl` has
    what was revoked: whoever it bars is given nothing.
    """

    access: int
    idle: int
    access_signer: Signer
    refresh_signer: Signer
    acl: AclSource


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeProof:
    """What a client shows for a code."""

    client: str
    redirect: str
    verifier: str

    def proves(self, asked: Asked) -> bool:
        """Whether it is who asked for the code."""
        mine = asked.client == self.client and asked.redirect == self.redirect
        return mine and proves(self.verifier, asked.challenge)


class Grants:
    """Implements `ports.auth.Authenticator` for our own access tokens.

    A token is good only while its grant stands, and that is looked up each time: the end of a
    grant takes effect on the next request, on every node.
    """

    def __init__(
        self, kit: Kit, registrations: Registrations, book: GrantBook, rules: GrantRules
    ) -> None:
        self._kit = kit
        self._vault = kit.vault
        self._clock = kit.clock
        self._registrations = registrations
        self._book = book
        self._rules = rules

    async def code(self, asked: Asked, person: Person) -> str:
        """A code for the client to fetch its tokens with, once, within a minute."""
        code = self._kit.random()
        row = {"asked": asdict(asked), "person": asdict(person)}
        await self._vault.put(hashed(code), row, collection=CODES, ttl=_CODE)
        return code

    async def exchange(self, code: str, proof: CodeProof, origin: Origin) -> Tokens:
        """The tokens for a code. Raises Refused, and Unavailable.

        Whatever is wrong, the code is used up; used twice, it ends the grant that it began
        (RFC 6749 4.1.2).
        """
        acl, key = self._rules.acl.current(), hashed(code)
        row = await self._vault.get(key, collection=CODES)
        if row is not None and "grant" in row:
            await self._end(row["grant"], "reused", origin)
        if row is None or "grant" in row or not await self._vault.delete(key, collection=CODES):
            raise _bad_grant()
        asked = Asked.read(row["asked"])
        grant = self._new(asked, Person.read(row["person"]))
        if not proof.proves(asked):
            return await self._refuse(grant, "unproved", origin)
        if barred(acl, grant.caller):
            return await self._refuse(grant, "revoked", origin)
        await self._vault.put(key, {"grant": grant.id}, collection=CODES, ttl=_REMEMBERED)
        await self._registrations.use(grant.client)
        tokens = await self._issue(grant, 1)
        self._note(grant, "grant", "given", None, origin)
        return tokens

    async def refresh(
        self, token: str, client: str, scopes: tuple[str, ...] | None, origin: Origin
    ) -> Tokens:
        """New tokens for a refresh token, which is used up. Raises Refused, and Unavailable.

        The provider is asked whether it still vouches for the person; while it cannot be asked,
        the token is kept, as it is while person or grant are revoked. One that was used before
        ends its grant: somebody else has it too. `scopes` narrows this access token, never wider
        than the grant.
        """
        claims, acl = self._claims(token), self._rules.acl.current()
        if claims is None or claims["client_id"] != client:
            raise _bad_grant()
        grant = await self._book.find(claims["grant"])
        if grant is None or barred(acl, grant.caller):
            raise _bad_grant()
        if scopes is not None and not set(scopes) <= set(grant.scopes):
            raise Refused(Trouble.INVALID_SCOPE, "The scope is wider than was granted.")
        turn = await self._take_turn(grant.id, claims["turn"], origin)
        person = await self._renewed(grant, turn, origin)
        await self._registrations.use(client)
        renewed = replace(
            grant,
            person=person,
            scopes=person.within(grant.scopes),
            renewed_at=self._clock.now(),
        )
        return await self._issue(renewed, turn["turn"] + 1, scopes)

    async def revoke(self, token: str, client: str, origin: Origin) -> None:
        """End the grant behind either kind of token: both are worthless at once (RFC 7009).

        What is no token of the client's is passed over. Raises Unavailable.
        """
        for signer in (self._rules.refresh_signer, self._rules.access_signer):
            try:
                claims = signer.read(token)
            except Unauthenticated:
                continue
            if claims is not None and claims["client_id"] == client:
                await self._end(claims["grant"], "client", origin)

    async def authenticate(
        self,
        token: str,
        address: str | None,  # noqa: ARG002 - the port passes it
    ) -> Caller | None:
        """See `ports.auth.Authenticator`."""
        claims = self._rules.access_signer.read(token)
        if claims is None:
            return None
        grant = await self._book.find(claims["grant"])
        if grant is None or self._clock.now() >= claims["exp"] * _MICRO:
            raise Unauthenticated("The token is not valid.")
        caller = grant.caller
        if caller.subject != claims["sub"]:
            raise Unauthenticated("The token is not valid.")
        narrowed = caller.credential.narrowed(frozenset(claims["scope"].split(" ")))
        return replace(caller, credential=replace(narrowed, ends_at=claims["exp"] * _MICRO))

    async def credential(self, id: str) -> Credential | None:
        """Good for as long as its grant stands: what was begun goes on after a token's end."""
        if not id.startswith(PREFIX):
            return None
        grant = await self._book.find(id.removeprefix(PREFIX))
        return None if grant is None else grant.caller.credential

    def _new(self, asked: Asked, person: Person) -> Grant:
        now = self._clock.now()
        return Grant(
            id=self._kit.random(),
            client=asked.client,
            person=person,
            scopes=person.within(asked.scopes),
            at=now,
            renewed_at=now,
        )

    async def _issue(
        self, grant: Grant, turn: int, narrowed: tuple[str, ...] | None = None
    ) -> Tokens:
        person, idle = grant.person, float(self._rules.idle)
        ttl = max(idle, _LEAST) if person.refresh else _LEAST
        if not await self._book.keep(grant, ttl, new=turn == 1):
            # It was revoked while the provider was asked.
            await self._book.forget(person)
            raise _bad_grant()
        common = {"client_id": grant.client, "grant": grant.id, "sub": person.subject}
        refresh = ""
        if person.refresh:
            row = {"turn": turn, "at": self._clock.now()}
            await self._vault.put(grant.id, row, collection=TURNS, ttl=idle)
            refresh = self._rules.refresh_signer.sign({**common, "turn": turn})
        scopes = tuple(each for each in grant.scopes if each in (narrowed or grant.scopes))
        now = self._clock.now() // _MICRO
        access = {"iat": now, "exp": now + self._rules.access, "jti": self._kit.random()}
        token = self._rules.access_signer.sign({**common, **access, "scope": " ".join(scopes)})
        return Tokens(access=token, refresh=refresh, seconds=self._rules.access, scopes=scopes)

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        try:
            return self._rules.refresh_signer.read(token)
        except Unauthenticated:
            return None

    async def _take_turn(self, grant: str, shown: int, origin: Origin) -> dict[str, Any]:
        """The grant's turn, which nobody else has while it is taken."""
        turn = await self._vault.get(grant, collection=TURNS)
        if turn is None:
            raise _bad_grant()
        if turn["turn"] != shown:
            if turn["turn"] - shown > 1 or self._clock.now() - turn["at"] > _AT_ONCE:
                await self._end(grant, "reused", origin)
            raise _bad_grant()
        if not await self._vault.delete(grant, collection=TURNS):
            raise _bad_grant()
        return turn

    async def _renewed(self, grant: Grant, turn: Mapping[str, Any], origin: Origin) -> Person:
        try:
            return await self._book.renewed(grant)
        except Unauthenticated:
            await self._end(grant.id, "provider", origin)
            raise _bad_grant() from None
        except Exception:
            await self._vault.put(grant.id, turn, collection=TURNS, ttl=float(self._rules.idle))
            raise

    async def _refuse(self, grant: Grant, reason: str, origin: Origin) -> Tokens:
        """Give nothing, and keep nothing of the provider's."""
        self._note(grant, "grant", "refused", reason, origin)
        await self._book.forget(grant.person)
        raise _bad_grant()

    async def _end(self, grant: str, reason: str, origin: Origin) -> None:
        ended = await self._book.end(grant)
        if ended is not None:
            self._note(ended, "revoke", "ended", reason, origin)

    def _note(
        self, grant: Grant, action: str, outcome: str, reason: str | None, origin: Origin
    ) -> None:
        self._kit.note(
            Note(
                at=self._clock.now(),
                subject=grant.person.subject,
                credential=grant.credential,
                action=action,
                thing=grant.client,
                outcome=outcome,
                reason=reason,
                origin=origin,
            )
        )


def asked_for(credential: str, scope: Scope) -> str | None:
    """What a client has to ask for to be given a scope; None for what no client may have."""
    return scope.value if credential.startswith(PREFIX) and scope.value in GRANTABLE else None


def _bad_grant() -> Refused:
    return Refused(Trouble.INVALID_GRANT, "It is not valid, or no longer.")
