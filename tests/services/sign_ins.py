"""An authorization server on a store in memory, with a provider that does as it is told."""

import itertools
import secrets
from dataclasses import dataclass, field
from typing import Any

from imagewright.adapters.auth.signer import HmacSigner, SignerConfig
from imagewright.adapters.vault.sealed import SealedVault
from imagewright.core.oauth import Client, Tokens, challenge_of
from imagewright.core.policy import Acl
from imagewright.core.rate import Rate
from imagewright.core.redirect import Redirects
from imagewright.ports.audit import Note
from imagewright.ports.books import Origin
from imagewright.ports.upstream import Answer
from imagewright.services.authorization import (
    Authorization,
    AuthorizationRules,
    Question,
    Reply,
    Return,
)
from imagewright.services.client_documents import ClientDocuments, DocumentRules
from imagewright.services.grant_book import GrantBook
from imagewright.services.grants import CodeProof, GrantRules, Grants
from imagewright.services.kit import Kit
from imagewright.services.registration import RegistrationRules, Registrations
from tests.fakes.client_documents import FakeDocuments
from tests.fakes.clock import HandClock
from tests.fakes.outside import EditedAcl
from tests.fakes.shelf import MemoryShelf
from tests.fakes.upstream import FakeUpstream

ISSUER = "https://images.example.com"
RESOURCE = f"{ISSUER}/mcp"
BACK = "http://localhost:3000/callback"
VERIFIER = "v" * 43
DAY = 86_400
FROM = Origin(request="req-1", address="192.0.2.1", client="Painter/1.0")


def rules(**changes: Any) -> RegistrationRules:
    usual: dict[str, Any] = {
        "redirects": Redirects(),
        "rate": Rate(each=5, total=8),
        "most": 6,
        "unused": 3600,
        "idle": 90 * DAY,
    }
    return RegistrationRules(**{**usual, **changes})


def proof(client: Client, **changes: str) -> CodeProof:
    return CodeProof(**{"client": client.id, "redirect": BACK, "verifier": VERIFIER, **changes})


def reply(question: Question, **changes: Any) -> Reply:
    usual: dict[str, Any] = {
        "id": question.id,
        "token": question.token,
        "browser": question.browser,
        "agreed": True,
    }
    return Reply(**{**usual, **changes})


def signer(typ: str, audience: str) -> HmacSigner:
    key = typ.encode().ljust(32, b"-")
    return HmacSigner(SignerConfig(typ=typ, issuer=ISSUER, audience=audience, key=key))


@dataclass
class SignIns:
    """Everything of the proxy but its faces; `restart` makes all of it anew but the store."""

    clock: HandClock = field(default_factory=HandClock)
    upstream: FakeUpstream = field(default_factory=FakeUpstream)
    registration: RegistrationRules = field(default_factory=rules)
    reading: DocumentRules | None = None
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    acl: EditedAcl = field(default_factory=lambda: EditedAcl(Acl()))
    notes: list[Note] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shelf = MemoryShelf(self.clock)
        self._numbers = itertools.count()
        self.restart()

    def restart(self) -> None:
        self.vault = SealedVault(self.shelf, bytes(32), self.clock, secrets.token_bytes)
        kit = Kit(vault=self.vault, clock=self.clock, random=self._random, note=self.notes.append)
        documents = ClientDocuments(kit, self.documents, self.reading) if self.reading else None
        self.registrations = Registrations(kit, self.registration, documents)
        self.book = GrantBook(self.vault, self.upstream)
        self.grants = Grants(
            kit,
            self.registrations,
            self.book,
            GrantRules(
                access=600,
                idle=30 * DAY,
                access_signer=signer("at+jwt", RESOURCE),
                refresh_signer=signer("rt+jwt", f"{ISSUER}/token"),
                acl=self.acl,
            ),
        )
        self.authorization = Authorization(
            kit,
            self.registrations,
            self.grants,
            self.upstream,
            AuthorizationRules(issuer=ISSUER, resource=RESOURCE, rate=Rate(each=20, total=20)),
        )

    def _random(self) -> str:
        return f"random-{next(self._numbers)}".ljust(43, "_")

    async def client(self, redirect: str = BACK) -> Client:
        return await self.registrations.register(
            {"client_name": "Painter", "redirect_uris": [redirect]}, FROM
        )

    def request(self, client: Client, **changes: str) -> dict[str, str]:
        asked = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": BACK,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "state": "their-state",
            "resource": RESOURCE,
            "scope": "images:read images:write",
            **changes,
        }
        return {name: value for name, value in asked.items() if value}

    async def back(self, client: Client, code: str = "good", **changes: str) -> Return:
        """One person agrees, signs in, and is sent back."""
        question = await self.authorization.ask(client, self.request(client, **changes), FROM, "")
        where = await self.authorization.decide(reply(question), FROM)
        assert isinstance(where, str)
        leg = self.upstream.legs[-1]
        return await self.authorization.finish(leg.state, question.browser, Answer(code=code), FROM)

    async def code(self, client: Client, **changes: str) -> str:
        return (await self.back(client, **changes)).values["code"]

    async def tokens(self, client: Client, **changes: str) -> Tokens:
        code = await self.code(client, **changes)
        return await self.grants.exchange(code, proof(client), FROM)
