"""OAuth access tokens for Google Cloud: from a file that another keeps fresh, or by a signed key.

The second way is the JWT bearer grant (RFC 7523) with a service account's key file, as
Google's `google-auth` sends it. Neither tokens nor keys ever stand in a log, a fault or a repr.
"""

import asyncio
import json
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import jwt

from imagewright.adapters.web.client import Answer, Call, Client, Endpoint
from imagewright.adapters.web.origin import parse_url
from imagewright.adapters.wire.line import Judgement, Line, away
from imagewright.adapters.wire.results import read_object, whole
from imagewright.core.errors import ProviderMisconfigured
from imagewright.core.secret import Secret
from imagewright.ports.provider import Parts

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GOOGLE = "https://oauth2.googleapis.com/token"
_LIFE = 3600
_EARLY = 120
"""Seconds before its end at which a token is asked for anew."""
_LONGEST = 64 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Tokens(Protocol):
    """Where access tokens come from."""

    async def token(self) -> Secret:
        """One that is good now. Raises ProviderMisconfigured or ProviderUnavailable."""

    def forget(self) -> None:
        """The API refused the last one: do not give it again if there is another."""

    async def close(self) -> None:
        """Release connections."""


class TokenFile:
    """A file that holds nothing but the token; read for every order, so that it may be renewed."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    async def token(self) -> Secret:
        try:
            text = await asyncio.to_thread(_read, self._path)
            return Secret(text.strip())
        except (OSError, ValueError):
            fault = _unreadable("token_file")
        raise fault

    def forget(self) -> None:
        pass

    async def close(self) -> None:
        pass


class KeyFile:
    """A service account's key as Google Cloud gives it out: JSON with `private_key`.

    A token is kept until shortly before its end. `endpoint` says how the token endpoint is
    reached (proxy, certificates, bounds); its address is the file's own `token_uri`.
    """

    def __init__(self, path: str, endpoint: Endpoint, parts: Parts) -> None:
        self._path = Path(path)
        self._endpoint = endpoint
        self._parts = parts
        self._lock = asyncio.Lock()
        self._token: Secret | None = None
        self._until = 0.0
        self._client: Client | None = None

    async def token(self) -> Secret:
        async with self._lock:
            if self._token is None or self._parts.clock.monotonic() >= self._until:
                self._token, life = await self._fetch()
                self._until = self._parts.clock.monotonic() + life - _EARLY
            return self._token

    def forget(self) -> None:
        self._token = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _fetch(self) -> tuple[Secret, int]:
        address, assertion = await self._assertion()
        url = urlsplit(address)
        await self.close()
        self._client = self._reach(f"{url.scheme}://{url.netloc}")
        call = Call(
            path=url.path,
            fields={"grant_type": _GRANT, "assertion": assertion},
            limit=_LONGEST,
        )
        answer = await Line(self._client, self._parts, 0).look(call, _judge)
        granted = read_object(answer.body) or {}
        token, life = granted.get("access_token"), whole(granted.get("expires_in"))
        try:
            return Secret(token if isinstance(token, str) else ""), life or _LIFE
        except ValueError:
            fault = away()
        raise fault

    async def _assertion(self) -> tuple[str, str]:
        """The token endpoint's address, and what is shown to it."""
        try:
            key = json.loads(await asyncio.to_thread(_read, self._path))
            address = _checked(key["token_uri"])
            now = self._parts.clock.now() // 1_000_000
            claims = {"iss": key["client_email"], "scope": _SCOPE, "aud": address}
            signed = jwt.encode(
                {**claims, "iat": now, "exp": now + _LIFE},
                key["private_key"],
                algorithm="RS256",
                headers={"kid": key["private_key_id"]},
            )
            return address, signed
        except (OSError, ValueError, TypeError, LookupError, jwt.PyJWTError):
            fault = _unreadable("key_file")
        raise fault

    def _reach(self, origin: str) -> Client:
        endpoint = self._endpoint
        return Client(
            Endpoint(
                base_url=origin,
                proxy=endpoint.proxy,
                ca_file=endpoint.ca_file,
                egress=endpoint.egress,
                bounds=endpoint.bounds,
            )
        )


def token_address(path: str) -> str:
    """The token endpoint that a key file names; Google's own where the file cannot be read here."""
    try:
        return _checked(json.loads(_read(Path(path)))["token_uri"])
    except (OSError, ValueError, TypeError, LookupError):
        return _GOOGLE


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise ValueError("too long")
    return data.decode()


def _checked(address: str) -> str:
    """The address, if an assertion may be shown to it: by TLS, or on this machine."""
    url = parse_url(address)
    if url.scheme != "https" and url.host not in _LOOPBACK:
        raise ValueError("not https")
    return address


def _judge(answer: Answer) -> Judgement:
    if 300 <= answer.status < 500 and answer.status not in {408, 429}:
        fault = ProviderMisconfigured(
            "The provider's token endpoint refuses the service account's key.",
            hint="Ask the operator to check key_file and what the account may do.",
        )
        return Judgement(fault=fault)
    return Judgement(fault=away())


def _unreadable(key: str) -> ProviderMisconfigured:
    return ProviderMisconfigured(
        f"The provider's {key} cannot be read, or holds something else.",
        hint=f"Ask the operator to check {key}.",
    )
