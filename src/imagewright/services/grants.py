"""What people agreed to: codes, and tokens that are good for as long as the grant stands."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Fault, Unauthenticated
from imagewright.core.oauth import GRANTABLE, Asked, Refused, Tokens, Trouble, hashed, proves
from imagewright.core.scope import Scope
from imagewright.ports.signer import Signer
from imagewright.ports.upstream import Person, Upstream
from imagewright.services.registration import Kit, Registrations

_log = logging.getLogger(__name__)

PREFIX = "proxy:"
"""Begins the id of every credential that came of a grant."""
CODES, GRANTS, TURNS = "oauth-codes", "oauth-grants", "oauth-turns"
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

    `access_signer` and `refresh_signer` know their own tokens and never each other's.
    """

    access: int
    idle: int
    access_signer: Signer
    refresh_signer: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    grant: str
    client: str
    person: Person
    granted: tuple[str, ...]
    narrowed: tuple[str, ...] | None = None
    turn: int = 1


class Grants:
    """Implements `ports.auth.Authenticator` for our own access tokens.

    A token is good only while its grant stands, and that is looked up each time: the end of a
    grant takes effect on the next request, on every node.
    """

    def __init__(
        self, kit: Kit, registrations: Registrations, upstream: Upstream, rules: GrantRules
    ) -> None:
        self._vault = kit.vault
        self._clock = kit.clock
        self._random = kit.random
        self._registrations = registrations
        self._upstream = upstream
        self._rules = rules

    async def code(self, asked: Asked, person: Person) -> str:
        """A code for the client to fetch its tokens with, once, within a minute."""
        code = self._random()
        row = {"asked": asdict(asked), "person": asdict(person)}
        await self._vault.put(hashed(code), row, collection=CODES, ttl=_CODE)
        return code

    async def exchange(self, code: str, client: str, redirect: str, verifier: str) -> Tokens:
        """The tokens for a code. Raises Refused, and Unavailable.

        Whatever is wrong, the code is used up; used twice, it ends the grant that it began
        (RFC 6749 4.1.2).
        """
        key = hashed(code)
        row = await self._vault.get(key, collection=CODES)
        if row is not None and "grant" in row:
            await self._end(row["grant"])
        if row is None or "grant" in row or not await self._vault.delete(key, collection=CODES):
            raise _bad_grant()
        asked, person = Asked.read(row["asked"]), Person.read(row["person"])
        mine = asked.client == client and asked.redirect == redirect
        if not mine or not proves(verifier, asked.challenge):
            await self._forget(person)
            raise _bad_grant()
        grant = self._random()
        await self._vault.put(key, {"grant": grant}, collection=CODES, ttl=_REMEMBERED)
        await self._registrations.use(client)
        granted = person.within(asked.scopes)
        return await self._issue(_New(grant=grant, client=client, person=person, granted=granted))

    async def refresh(self, token: str, client: str, scopes: tuple[str, ...] | None) -> Tokens:
        """New tokens for a refresh token, which is used up. Raises Refused, and Unavailable.

        The provider is asked whether it still vouches for the person; while it cannot be asked,
        the token is kept. One that was used before ends its grant: somebody else has it too.
        `scopes` narrows this access token, never wider than the grant.
        """
        claims = self._claims(token)
        if claims is None or claims["client_id"] != client:
            raise _bad_grant()
        grant = claims["grant"]
        row = await self._vault.get(grant, collection=GRANTS)
        if row is None:
            raise _bad_grant()
        if scopes is not None and not set(scopes) <= set(row["scopes"]):
            raise Refused(Trouble.INVALID_SCOPE, "The scope is wider than was granted.")
        turn = await self._take_turn(grant, claims["turn"])
        person = await self._renewed(grant, turn, Person.read(row["person"]))
        await self._registrations.use(client)
        return await self._issue(
            _New(
                grant=grant,
                client=client,
                person=person,
                granted=person.within(row["scopes"]),
                narrowed=scopes,
                turn=turn["turn"] + 1,
            )
        )

    async def revoke(self, token: str, client: str) -> None:
        """End the grant behind either kind of token: both are worthless at once (RFC 7009).

        What is no token of the client's is passed over. Raises Unavailable.
        """
        for signer in (self._rules.refresh_signer, self._rules.access_signer):
            try:
                claims = signer.read(token)
            except Unauthenticated:
                continue
            if claims is not None and claims["client_id"] == client:
                await self._end(claims["grant"])

    async def authenticate(
        self,
        token: str,
        address: str | None,  # noqa: ARG002 - the port passes it
    ) -> Caller | None:
        """See `ports.auth.Authenticator`."""
        claims = self._rules.access_signer.read(token)
        if claims is None:
            return None
        row = await self._vault.get(claims["grant"], collection=GRANTS)
        if row is None or self._clock.now() >= claims["exp"] * _MICRO:
            raise Unauthenticated("The token is not valid.")
        person = Person.read(row["person"])
        if person.subject != claims["sub"]:
            raise Unauthenticated("The token is not valid.")
        scopes = frozenset(claims["scope"].split(" ")) & frozenset(row["scopes"])
        return Caller(
            subject=person.subject,
            groups=frozenset(person.groups),
            credential=Credential(id=f"{PREFIX}{claims['grant']}", scopes=scopes),
            name=person.name,
        )

    async def credential(self, id: str) -> Credential | None:
        """Good for as long as its grant stands: what was begun goes on after a token's end."""
        if not id.startswith(PREFIX):
            return None
        row = await self._vault.get(id.removeprefix(PREFIX), collection=GRANTS)
        return None if row is None else Credential(id=id, scopes=frozenset(row["scopes"]))

    async def _issue(self, new: _New) -> Tokens:
        person, idle = new.person, float(self._rules.idle)
        row = {"client": new.client, "person": asdict(person), "scopes": list(new.granted)}
        ttl = max(idle, _LEAST) if person.refresh else _LEAST
        if new.turn == 1:
            await self._vault.put(new.grant, row, collection=GRANTS, ttl=ttl)
        elif not await self._vault.replace(new.grant, row, collection=GRANTS, ttl=ttl):
            # It was revoked while the provider was asked.
            await self._forget(person)
            raise _bad_grant()
        common = {"client_id": new.client, "grant": new.grant, "sub": person.subject}
        refresh = ""
        if person.refresh:
            turn = {"turn": new.turn, "at": self._clock.now()}
            await self._vault.put(new.grant, turn, collection=TURNS, ttl=idle)
            refresh = self._rules.refresh_signer.sign({**common, "turn": new.turn})
        scopes = tuple(each for each in new.granted if each in (new.narrowed or new.granted))
        now = self._clock.now() // _MICRO
        access = {"iat": now, "exp": now + self._rules.access, "jti": self._random()}
        token = self._rules.access_signer.sign({**common, **access, "scope": " ".join(scopes)})
        return Tokens(access=token, refresh=refresh, seconds=self._rules.access, scopes=scopes)

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        try:
            return self._rules.refresh_signer.read(token)
        except Unauthenticated:
            return None

    async def _take_turn(self, grant: str, shown: int) -> dict[str, Any]:
        """The grant's turn, which nobody else has while it is taken."""
        turn = await self._vault.get(grant, collection=TURNS)
        if turn is None:
            raise _bad_grant()
        if turn["turn"] != shown:
            if turn["turn"] - shown > 1 or self._clock.now() - turn["at"] > _AT_ONCE:
                await self._end(grant)
            raise _bad_grant()
        if not await self._vault.delete(grant, collection=TURNS):
            raise _bad_grant()
        return turn

    async def _renewed(self, grant: str, turn: Mapping[str, Any], person: Person) -> Person:
        try:
            return await self._upstream.renew(person)
        except Unauthenticated:
            await self._end(grant)
            raise _bad_grant() from None
        except Exception:
            await self._vault.put(grant, turn, collection=TURNS, ttl=float(self._rules.idle))
            raise

    async def _end(self, grant: str) -> None:
        row = await self._vault.get(grant, collection=GRANTS)
        await self._vault.delete(grant, collection=TURNS)
        if await self._vault.delete(grant, collection=GRANTS) and row is not None:
            _log.info("grant ended", extra={"credential": f"{PREFIX}{grant}"})
            await self._forget(Person.read(row["person"]))

    async def _forget(self, person: Person) -> None:
        """Ours is ended already, so the provider's part may fail without harm to that."""
        if not person.refresh:
            return
        try:
            await self._upstream.revoke(person.refresh)
        except Fault as fault:
            _log.warning("not revoked at the provider", extra={"code": fault.code})


def asked_for(credential: str, scope: Scope) -> str | None:
    """What a client has to ask for to be given a scope; None for what no client may have."""
    return scope.value if credential.startswith(PREFIX) and scope.value in GRANTABLE else None


def _bad_grant() -> Refused:
    return Refused(Trouble.INVALID_GRANT, "It is not valid, or no longer.")
