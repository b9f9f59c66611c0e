"""Clients that register nowhere: their id is the address of a document about them.

draft-ietf-oauth-client-id-metadata-document-00.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagewright.core.audit import STRANGER
from imagewright.core.client_metadata import check_kinds, name_of, redirects_of
from imagewright.core.errors import InvalidRequest
from imagewright.core.oauth import Client, Refused, Trouble, hashed
from imagewright.core.rate import Rate, Turns
from imagewright.core.redirect import Redirects
from imagewright.ports.audit import Note
from imagewright.ports.books import Origin
from imagewright.ports.client_documents import DocumentSource
from imagewright.services.kit import NO_CREDENTIAL, Kit

DOCUMENTS = "oauth-documents"
_KEPT = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRules:
    """Where clients may have people sent back to, and how often strangers may have one read."""

    redirects: Redirects
    rate: Rate


class ClientDocuments:
    """Reads a client's document, and goes by it for an hour."""

    def __init__(self, kit: Kit, source: DocumentSource, rules: DocumentRules) -> None:
        self._kit = kit
        self._source = source
        self._rules = rules
        self._turns = Turns(rules.rate)

    async def client(self, id: str, origin: Origin) -> Client:
        """Whoever the address is of. Raises Refused, and Unavailable while it is silent.

        Of its redirects, those are taken that the operator allows.
        """
        row = await self._kit.vault.get(hashed(id), collection=DOCUMENTS)
        if row is None:
            row = await self._read(id, origin)
            await self._kit.vault.put(hashed(id), row, collection=DOCUMENTS, ttl=_KEPT)
        return Client(id=id, name=row["name"], redirects=tuple(row["redirects"]), at=row["at"])

    async def _read(self, id: str, origin: Origin) -> dict[str, Any]:
        if after := self._turns.take(origin.address, self._kit.clock.monotonic()):
            raise Refused(
                Trouble.UNAVAILABLE, "Too many clients were new. Try again later.", after=after
            )
        try:
            told = await self._source.read(id)
        except InvalidRequest as fault:
            raise Refused(Trouble.INVALID_CLIENT, fault.sentence) from None
        row = {"name": name_of(told), "redirects": self._redirects(told, id)}
        self._kit.note(
            Note(
                at=self._kit.clock.now(),
                subject=STRANGER,
                credential=NO_CREDENTIAL,
                action="register",
                thing=id,
                outcome="read",
                origin=origin,
            )
        )
        return {**row, "at": self._kit.clock.now()}

    def _redirects(self, told: Mapping[str, Any], id: str) -> list[str]:
        if told.get("client_id") != id:
            raise Refused(Trouble.INVALID_CLIENT, "The client's document is of another client.")
        if told.get("token_endpoint_auth_method", "none") != "none" or "client_secret" in told:
            raise Refused(Trouble.INVALID_CLIENT, "The client is not a public one.")
        check_kinds(told)
        allowed = [each for each in redirects_of(told) if self._rules.redirects.allow(each)]
        if not allowed:
            raise Refused(
                Trouble.INVALID_CLIENT,
                "None of the client's redirect_uris is among those that the operator allows.",
            )
        return allowed
