"""What an issuer publishes: its discovery document, and the keys that it names."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from imagewright.adapters.auth.issuer import IssuerConfig, check_address
from imagewright.adapters.web.tunnel import tunnelled
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw, Misconfigured

_DEADLINE = 5.0
_CONNECT = 2.0
_LARGEST = 262_144


class NotPublished(Exception):
    """The issuer could not be asked; the sentence is for the log.

    `away` is a network without an answer, in contrast to an answer that is none.
    """

    def __init__(self, sentence: str, *, away: bool = False) -> None:
        super().__init__(sentence)
        self.away = away


class Publications:
    """Reads one issuer's documents, each time anew: whoever asks keeps them.

    Only the address that the operator wrote is opened, and what it names on its own host: an
    issuer whose keys stand elsewhere needs `jwks_uri`. No redirect is followed, nothing is
    taken from the environment.
    """

    def __init__(self, config: IssuerConfig) -> None:
        """Opens no connection yet. Raises Misconfigured where `ca_path` holds no certificates."""
        self._config = config
        self._client = issuer_client(config)

    async def keys(self) -> list[dict[str, Any]]:
        """The JWK set's keys, as they stand there. Raises NotPublished, within 5 seconds."""
        async with asking():
            address = self._config.jwks_uri or await self._discovered("jwks_uri")
            found = (await self._document(address)).get("keys")
        if not isinstance(found, list):
            raise NotPublished("The answer is no JWK set.")
        return [each for each in found if isinstance(each, dict)]

    async def address(self, name: str) -> str:
        """The address that discovery has by that name. Raises NotPublished, within 5 seconds."""
        async with asking():
            return await self._discovered(name)

    async def post(
        self, address: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object of the issuer's answer to a form, empty for none.

        Raises NotPublished for an answer of a broken server, and for none within 5 seconds.
        """
        async with (
            asking(),
            self._client.stream("POST", address, data=dict(form), headers=headers) as answer,
        ):
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise NotPublished(f"The answer was {answer.status_code}.")
            body = await read_body(answer)
        try:
            return answer.status_code, _object(body)
        except NotPublished:
            return answer.status_code, {}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def metadata(self) -> dict[str, Any]:
        """The issuer's own document. Raises NotPublished, within 5 seconds."""
        async with asking():
            return await self._metadata()

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

    async def _discovered(self, name: str) -> str:
        """One address of it."""
        parts = urlsplit(self._config.issuer)
        address = (await self._metadata()).get(name)
        if not isinstance(address, str):
            raise NotPublished(f"The document names no {name}.")
        try:
            check_address(address)
        except InvalidRequest as error:
            raise NotPublished(f"{name}: {error.sentence}") from None
        named = urlsplit(address)
        if (named.scheme, named.netloc) != (parts.scheme, parts.netloc):
            raise NotPublished(f"{name} is on another host: set it if that is right.")
        return address

    async def _document(self, address: str) -> dict[str, Any]:
        async with self._client.stream("GET", address) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise _Missing("There is no such document.")
            if answer.status_code != httpx.codes.OK:
                raise NotPublished(f"The answer was {answer.status_code}.")
            return _object(await read_body(answer))


@asynccontextmanager
async def asking() -> AsyncIterator[None]:
    """Raise NotPublished for whatever the network does, and after 5 seconds."""
    try:
        async with asyncio.timeout(_DEADLINE):
            yield
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        raise NotPublished(type(error).__name__, away=True) from None


async def read_body(answer: httpx.Response) -> bytes:
    """The whole body as it came. Raises NotPublished for more than 256 KiB."""
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > _LARGEST:
            raise NotPublished("The document is too large.")
    return bytes(body)


def issuer_client(config: IssuerConfig, connections: int = 2) -> httpx.AsyncClient:
    """A client for one issuer's own addresses. Raises Misconfigured."""
    # A tunnel that is kept for later would keep the egress proxy from ending.
    kept = 1 if config.egress is None else 0
    transport = httpx.AsyncHTTPTransport(
        verify=trust(config),
        trust_env=False,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=kept),
    )
    return httpx.AsyncClient(
        transport=tunnelled(transport, config.egress),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(_DEADLINE, connect=_CONNECT),
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "imagewright",
        },
    )


class _Missing(NotPublished):
    """404: another document may stand in its place."""


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise NotPublished("The document is no JSON.") from None
    if not isinstance(found, dict):
        raise NotPublished("The document is no object.")
    return found


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
