"""Programs that register themselves as OAuth clients (RFC 7591), until nobody uses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagewright.core.audit import STRANGER
from imagewright.core.client_metadata import check_kinds, is_document, name_of, redirects_of
from imagewright.core.oauth import Client, Refused, Trouble
from imagewright.core.rate import Rate, Turns
from imagewright.core.redirect import Redirects
from imagewright.ports.audit import Note
from imagewright.ports.books import Origin
from imagewright.services.client_documents import ClientDocuments
from imagewright.services.kit import NO_CREDENTIAL, Kit

CLIENTS = "oauth-clients"
_LONGEST_ID = 64
_RENEWED = 3_600_000_000
"""Microseconds after which a use is written down again: not every token costs a write."""


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

    def __init__(
        self, kit: Kit, rules: RegistrationRules, documents: ClientDocuments | None = None
    ) -> None:
        """`documents` None is a service that reads none."""
        self._vault = kit.vault
        self._clock = kit.clock
        self._random = kit.random
        self._note = kit.note
        self._documents = documents
        self._rules = rules
        self._turns = Turns(rules.rate)

    async def register(self, metadata: Mapping[str, Any], origin: Origin) -> Client:
        """A new client. Raises Refused, with `after` where there were too many, and Unavailable."""
        after = self._turns.take(origin.address, self._clock.monotonic())
        if after or await self._vault.count(CLIENTS) >= self._rules.most:
            raise Refused(
                Trouble.UNAVAILABLE,
                "Too many clients registered. Try again later.",
                after=after or self._rules.unused,
            )
        client = Client(
            id=f"cli_{self._random()}",
            name=name_of(metadata),
            redirects=self._redirects(metadata),
            at=self._clock.now(),
        )
        check_kinds(metadata)
        await self._put(client, self._rules.unused)
        self._tell(client, origin)
        return client

    async def find(self, id: str, origin: Origin) -> Client | None:
        """The client, or None once it has expired.

        Raises Refused for a document that is none, and Unavailable.
        """
        if self._documents is not None and is_document(id):
            return await self._documents.client(id, origin)
        row = await self._row(id)
        return _client(id, row) if row is not None else None

    async def known(self, id: str) -> bool:
        """Whether it may still ask for tokens, which are bound to it. Raises Unavailable."""
        if self._documents is not None and is_document(id):
            return True
        return await self._row(id) is not None

    async def all(self) -> tuple[Client, ...]:
        """Those that registered, the newest first. Raises Unavailable."""
        found = [_client(id, row) for id, row in await self._vault.items(CLIENTS)]
        return tuple(sorted(found, key=lambda client: (-client.at, client.id)))

    async def remove(self, id: str) -> bool:
        """Whether there was such a client, of which nothing is left. Raises Unavailable."""
        return await self._row(id) is not None and await self._vault.delete(id, collection=CLIENTS)

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

    def _redirects(self, metadata: Mapping[str, Any]) -> tuple[str, ...]:
        named = redirects_of(metadata)
        if not all(map(self._rules.redirects.allow, named)):
            raise Refused(
                Trouble.INVALID_REDIRECT,
                "A redirect_uri is not among those that the operator allows.",
            )
        return named

    def _tell(self, client: Client, origin: Origin) -> None:
        self._note(
            Note(
                at=client.at,
                subject=STRANGER,
                credential=NO_CREDENTIAL,
                action="register",
                thing=client.id,
                outcome="entered",
                origin=origin,
            )
        )


def _client(id: str, row: Mapping[str, Any]) -> Client:
    return Client(
        id=id,
        name=row["name"],
        redirects=tuple(row["redirects"]),
        at=row["at"],
        used_at=row.get("used", 0),
    )
