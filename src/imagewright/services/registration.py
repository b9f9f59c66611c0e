"""Programs that register themselves as OAuth clients (RFC 7591), until nobody uses them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imagewright.core.oauth import Client, Refused, Trouble
from imagewright.core.rate import Rate, Turns
from imagewright.core.redirect import Redirects
from imagewright.ports.clock import Clock
from imagewright.ports.vault import Vault

CLIENTS = "oauth-clients"
_MOST_REDIRECTS = 8
_LONGEST_NAME = 80
_LONGEST_ID = 64
_RENEWED = 3_600_000_000
"""Microseconds after which a use is written down again: not every token costs a write."""

RandomText = Callable[[], str]
"""A new secret of 256 bits or an id, in letters that an address may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What every part of the authorization server works with."""

    vault: Vault
    clock: Clock
    random: RandomText


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRules:
    """Who may register, how often, and for how long; times are in seconds.

    `unused` is for a client that nobody signed in through yet, `idle` for the others. At most
    `most` are kept.
    """

    redirects: Redirects
    rate: Rate
    most: int
    unused: int
    idle: int


class Registrations:
    """Every client is public: PKCE proves a code, and a program's own secret would be none."""

    def __init__(self, kit: Kit, rules: RegistrationRules) -> None:
        self._vault = kit.vault
        self._clock = kit.clock
        self._random = kit.random
        self._rules = rules
        self._turns = Turns(rules.rate)

    async def register(self, metadata: Mapping[str, Any], address: str | None) -> Client:
        """A new client. Raises Refused, with `after` where there were too many, and Unavailable."""
        after = self._turns.take(address, self._clock.monotonic())
        if after or await self._vault.count(CLIENTS) >= self._rules.most:
            raise Refused(
                Trouble.UNAVAILABLE,
                "Too many clients registered. Try again later.",
                after=after or self._rules.unused,
            )
        client = Client(
            id=self._random(),
            name=_name(metadata.get("client_name")),
            redirects=self._redirects(metadata.get("redirect_uris")),
            at=self._clock.now(),
        )
        _check_kinds(metadata)
        await self._put(client, self._rules.unused)
        return client

    async def find(self, id: str) -> Client | None:
        """The client, or None once it has expired. Raises Unavailable."""
        row = await self._row(id)
        return _client(id, row) if row is not None else None

    async def use(self, id: str) -> None:
        """Keep a client that somebody signed in through. Raises Unavailable."""
        row = await self._row(id)
        now = self._clock.now()
        if row is not None and now - int(row.get("used", 0)) >= _RENEWED:
            await self._vault.put(
                id, {**row, "used": now}, collection=CLIENTS, ttl=self._rules.idle
            )

    def fits(self, client: Client, redirect: str) -> bool:
        """Whether a browser may be sent there for the client, as the rules are today."""
        return self._rules.redirects.match(redirect, client.redirects)

    async def _row(self, id: str) -> dict[str, Any] | None:
        if not id or len(id) > _LONGEST_ID or not id.isascii() or not id.isprintable():
            return None
        return await self._vault.get(id, collection=CLIENTS)

    async def _put(self, client: Client, ttl: int) -> None:
        row = {"name": client.name, "redirects": list(client.redirects), "at": client.at}
        await self._vault.put(client.id, row, collection=CLIENTS, ttl=ttl)

    def _redirects(self, given: object) -> tuple[str, ...]:
        if not isinstance(given, list) or not 0 < len(given) <= _MOST_REDIRECTS:
            raise Refused(Trouble.INVALID_REDIRECT, "One to eight redirect_uris are required.")
        named = tuple(each for each in given if isinstance(each, str))
        if len(named) < len(given) or not all(map(self._rules.redirects.allow, named)):
            raise Refused(
                Trouble.INVALID_REDIRECT,
                "A redirect_uri is not among those that the operator allows.",
            )
        return named


def _client(id: str, row: Mapping[str, Any]) -> Client:
    return Client(id=id, name=row["name"], redirects=tuple(row["redirects"]), at=row["at"])


def _name(given: object) -> str:
    """For people to read, so without anything that prints as nothing or turns the line around."""
    text = given if isinstance(given, str) else ""
    return "".join(each for each in text[:_LONGEST_NAME] if each.isprintable()).strip()


def _check_kinds(metadata: Mapping[str, Any]) -> None:
    for key, ours, usual in (
        ("grant_types", {"authorization_code", "refresh_token"}, ["authorization_code"]),
        ("response_types", {"code"}, ["code"]),
    ):
        given = metadata.get(key, usual)
        known = isinstance(given, list) and all(isinstance(each, str) for each in given)
        # RFC 7591 2: what we do not know is left out of our answer; nothing left is refused.
        if not known or not ours & set(given):
            raise Refused(Trouble.INVALID_METADATA, f"None of the {key} is supported.")
