"""Asks an issuer what a token of its is (RFC 7662)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from imagewright.adapters.auth.client import ClientConfig, OAuthClient
from imagewright.adapters.auth.compact import BadToken, parse_object
from imagewright.adapters.auth.discovery import (
    NotPublished,
    Publications,
    asking,
    issuer_client,
    read_body,
)
from imagewright.adapters.auth.issuer import IssuerConfig

_CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an issuer answers, and as whom it knows us; without an address discovery says it."""

    issuer: IssuerConfig
    client: ClientConfig
    address: str | None = None


class Questions:
    """Posts tokens to one issuer; no address ever holds one."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Opens no connection yet. Raises Misconfigured where `ca_path` holds no certificates."""
        self._client = OAuthClient(endpoint.client, endpoint.issuer.issuer)
        self._publications = Publications(endpoint.issuer)
        self._http = issuer_client(endpoint.issuer, _CONNECTIONS)
        self._address = endpoint.address

    async def ask(self, token: str) -> Mapping[str, Any] | None:
        """What the issuer says of an active token, None of one that is not.

        Raises NotPublished, within seconds, for every other answer and for none.
        """
        async with asking():
            if self._address is None:
                self._address = await self._publications.address("introspection_endpoint")
            headers, body = self._client.sign(
                self._address, {"token": token, "token_type_hint": "access_token"}
            )
            async with self._http.stream(
                "POST", self._address, headers=headers, content=body
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise NotPublished(f"The answer was {answer.status_code}.")
                data = await read_body(answer)
        try:
            found = parse_object(data)
        except BadToken as bad:
            raise NotPublished(f"The answer is no good JSON: {bad.reason}.") from None
        active = found.get("active")
        if not isinstance(active, bool):
            raise NotPublished("The answer does not say whether the token is active.")
        return found if active else None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._publications.close()
