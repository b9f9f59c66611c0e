"""Requests to the address that an operator configured for a provider.

One client belongs to one configured provider: its address, credential, proxy and bounds.
It speaks through httpx's transport alone, so there are no cookies, no redirects, no
settings from the environment, and httpx's log of addresses is never reached.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from imagewright.adapters.web.failures import NotSent, SentNoAnswer, TooLarge, WebError
from imagewright.adapters.web.origin import Origin, origin_of, parse_url
from imagewright.adapters.web.tunnel import tunnelled
from imagewright.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Seconds to connect, between two bytes, and how many requests run at once."""

    connect: float = 10.0
    read: float = 600.0
    concurrency: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A configured upstream. `headers` go with every request, `query` with every address.

    `egress` is the Unix socket of an egress proxy, by way of which everything is reached.
    """

    base_url: str
    headers: Mapping[str, Secret] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: str | None = None
    egress: str | None = None
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file in a multipart body."""

    name: str
    filename: str
    mime: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. One of `json`, `content`, or `fields` and `files` makes its body.

    Without a `path` it goes to the endpoint's own address. `secrets` are headers of this request
    alone, for credentials that expire.
    """

    path: str
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    json: Mapping[str, object] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[FilePart, ...] = ()
    limit: int
    """The most bytes its answer may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Sink(Protocol):
    """Takes the bytes of an answer as they come, instead of its body."""

    def wants(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether it takes an answer that begins so; the names of headers are in lower case."""

    async def take(self, data: bytes) -> bool:
        """Whether more is wanted; what follows is not read."""


class Client:
    """Sends calls to one endpoint, each over a connection of its own.

    A kept connection may be closed by the other side just when a request is written to it,
    and then nobody can tell whether it was accepted. For requests that cost money a
    handshake is the smaller price.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._base = parse_url(endpoint.base_url)
        self._places = asyncio.Semaphore(endpoint.bounds.concurrency)
        transport = httpx.AsyncHTTPTransport(
            verify=tls_context(endpoint.ca_file),
            proxy=httpx.Proxy(endpoint.proxy.reveal()) if endpoint.proxy else None,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
        )
        self._transport = tunnelled(transport, endpoint.egress)

    @property
    def origin(self) -> Origin:
        return origin_of(self._base)

    async def send(self, call: Call, seconds: float, sink: Sink | None = None) -> Answer:
        """The answer, whatever its status, within so many seconds; redirects are answers too.

        Its body is empty where the sink took it. Raises NotSent, SentNoAnswer or TooLarge.
        """
        progress = _Progress()
        try:
            async with asyncio.timeout(seconds), self._places:
                return await self._exchange(call, progress, sink)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError, UnicodeError) as error:
            failure = progress.failure(type(error).__name__)
        # Raised here so that no context leads back to the library's request and its headers.
        raise failure

    async def close(self) -> None:
        await self._transport.aclose()

    async def _exchange(self, call: Call, progress: "_Progress", sink: Sink | None) -> Answer:
        response = await self._transport.handle_async_request(self._request(call, progress))
        status, headers = response.status_code, _headers(response)
        body = bytearray()

        async def keep(data: bytes) -> bool:
            body.extend(data)
            return True

        wanted = sink is not None and sink.wants(status, headers)
        try:
            await _read(response, call.limit, sink.take if sink and wanted else keep)
        finally:
            await response.aclose()
        return Answer(status=status, headers=headers, body=bytes(body))

    def _request(self, call: Call, progress: "_Progress") -> httpx.Request:
        path = self._base.path
        if call.path:
            path = f"{path.rstrip('/')}/{call.path.lstrip('/')}"
        bounds = self._endpoint.bounds
        timeouts = {"connect": bounds.connect, "pool": bounds.connect}
        return httpx.Request(
            call.method,
            self._base.copy_with(path=path, params=self._query(call)),
            headers=self._request_headers(call),
            json=call.json,
            content=call.content,
            data=dict(call.fields) or None,
            files=[_part(part) for part in call.files] or None,
            extensions={
                "timeout": {**timeouts, "read": bounds.read, "write": bounds.read},
                "trace": progress.trace,
            },
        )

    def _query(self, call: Call) -> dict[str, str] | None:
        return {**self._endpoint.query, **call.query} or None

    def _request_headers(self, call: Call) -> dict[str, str]:
        secrets = {**self._endpoint.headers, **call.secrets}
        return {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "imagewright",
            **call.headers,
            **{name: value.reveal() for name, value in secrets.items()},
        }


class _Progress:
    """Whether any byte of the request itself, a proxy's CONNECT aside, can have left."""

    def __init__(self) -> None:
        self._sent = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self._sent = True

    def failure(self, reason: str) -> WebError:
        return SentNoAnswer(reason) if self._sent else NotSent(reason)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The usual certificates, and those of a file; nothing from the environment."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _part(part: FilePart) -> tuple[str, tuple[str, bytes, str]]:
    return part.name, (part.filename, part.data, part.mime)


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


async def _read(
    response: httpx.Response, limit: int, take: Callable[[bytes], Awaitable[bool]]
) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        # Asked not to; unpacking would make the bound on bytes meaningless.
        raise SentNoAnswer("encoded")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise TooLarge("length")
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > limit:
            raise TooLarge("body")
        if not await take(chunk):
            return
