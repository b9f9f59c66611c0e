"""What an issuer publishes: its discovery document, and the keys that it names."""

import asyncio
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx

from imagewright.adapters.auth.issuer import IssuerConfig, check_address
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw, Misconfigured

_DEADLINE = 5.0
_CONNECT = 2.0
_LARGEST = 262_144


class NotPublished(Exception):
    """The keys could not be had; the sentence is for the log."""


class Publications:
    """Reads one issuer's documents, each time anew: whoever asks keeps them.

    Only the address that the operator wrote is opened, and what it names on its own host: an
    issuer whose keys stand elsewhere needs `jwks_uri`. No redirect is followed, nothing is
    taken from the environment.
    """

    def __init__(self, config: IssuerConfig) -> None:
        """Opens no connection yet. Raises Misconfigured where `ca_path` holds no certificates."""
        self._config = config
        self._client = _client(trust(config))

    async def keys(self) -> list[dict[str, Any]]:
        """The JWK set's keys, as they stand there. Raises NotPublished, within 5 seconds."""
        try:
            async with asyncio.timeout(_DEADLINE):
                address = self._config.jwks_uri or await self._discovered()
                found = (await self._document(address)).get("keys")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise NotPublished(type(error).__name__) from None
        if not isinstance(found, list):
            raise NotPublished("The answer is no JWK set.")
        return [each for each in found if isinstance(each, dict)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def metadata(self) -> dict[str, Any]:
        """The issuer's own document. Raises NotPublished, within 5 seconds."""
        try:
            async with asyncio.timeout(_DEADLINE):
                return await self._metadata()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise NotPublished(type(error).__name__) from None

    async def _metadata(self) -> dict[str, Any]:
        """The document of OpenID Connect Discovery 4 or else of RFC 8414 3."""
        issuer = self._config.issuer
        parts = urlsplit(issuer)
        origin = f"{parts.scheme}://{parts.netloc}"
        try:
            found = await self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        except _Missing:
            path = parts.path.rstrip("/")
            found = await self._document(f"{origin}/.well-known/oauth-authorization-server{path}")
        if found.get("issuer") != issuer:
            raise NotPublished("The document there is of another issuer.")
        return found

    async def _discovered(self) -> str:
        parts = urlsplit(self._config.issuer)
        address = (await self._metadata()).get("jwks_uri")
        if not isinstance(address, str):
            raise NotPublished("The document names no jwks_uri.")
        try:
            check_address(address)
        except InvalidRequest as error:
            raise NotPublished(f"jwks_uri: {error.sentence}") from None
        named = urlsplit(address)
        if (named.scheme, named.netloc) != (parts.scheme, parts.netloc):
            raise NotPublished("The keys stand on another host: set jwks_uri if that is right.")
        return address

    async def _document(self, address: str) -> dict[str, Any]:
        async with self._client.stream("GET", address) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise _Missing("There is no such document.")
            if answer.status_code != httpx.codes.OK:
                raise NotPublished(f"The answer was {answer.status_code}.")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > _LARGEST:
                    raise NotPublished("The document is too large.")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise NotPublished("The document is no JSON.") from None
        if not isinstance(found, dict):
            raise NotPublished("The document is no object.")
        return found


class _Missing(NotPublished):
    """404: another document may stand in its place."""


def trust(config: IssuerConfig) -> ssl.SSLContext:
    """Whose certificates are believed. Raises Misconfigured where `ca_path` holds none."""
    context = httpx.create_ssl_context(trust_env=False)
    if config.ca_path is not None:
        try:
            context.load_verify_locations(cafile=str(config.ca_path))
        except OSError:
            key = f"auth.issuers.{config.name}.ca_path"
            flaw = Flaw(place=str(config.ca_path), key=key, sentence="No certificate is read here.")
            raise Misconfigured([flaw]) from None
    return context


def _client(context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=context,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(_DEADLINE, connect=_CONNECT),
        limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "imagewright",
        },
    )
