"""Downloads from addresses that others chose: a vendor in an answer, or a caller.

Names are resolved here, the answer is checked, and the connection goes to the checked
numbers, so that a name cannot mean one address when checked and another when
opened. No credential, cookie or proxy is used; redirects are checked as if they were new.
By way of an egress proxy it is the proxy that resolves, checks and connects.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import httpcore
import httpx

from imagewright.adapters.web.addresses import is_public
from imagewright.adapters.web.failures import BadStatus, NotSent, Refused, SentNoAnswer, TooLarge
from imagewright.adapters.web.origin import Origin, origin_of, parse_url
from imagewright.adapters.web.tunnel import EgressAway, EgressRefused, Tunnels

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, in numbers. Raises OSError, or UnicodeError for what is no name."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_ADDRESSES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardBounds:
    """Seconds to connect, between two bytes, and for the whole download with its redirects.

    `redirects` is how many are followed.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 120.0
    redirects: int = 3


async def resolve_host(host: str, port: int) -> list[str]:
    """The system's resolver, without repeats, in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """How names are resolved and connections opened from here."""

    resolve: Resolve = resolve_host
    network: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)


class Guard:
    """Opens https addresses of public hosts, and any address of `own`.

    `own` is the origin that the operator configured for the provider whose answers are
    followed; it may be private and may be http. There is none for callers' addresses.
    `egress` is the Unix socket of an egress proxy, or None to connect from here.
    """

    def __init__(
        self,
        *,
        own: Origin | None = None,
        bounds: GuardBounds | None = None,
        egress: str | None = None,
        net: Net | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._own = own
        self._bounds = bounds or GuardBounds()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or httpx.create_ssl_context(trust_env=False),
            max_keepalive_connections=0,
            network_backend=_CheckedNetwork(own, net or Net())
            if egress is None
            else Tunnels(egress, httpcore.AnyIOBackend(), self._is_strange),
        )

    async def get(self, url: str, limit: int, *, accept: str = "image/*") -> bytes:
        """The bytes behind an address.

        Raises Refused, NotSent, SentNoAnswer, TooLarge or BadStatus.
        """
        try:
            async with asyncio.timeout(self._bounds.total):
                return await self._follow(url, limit, accept)
        except EgressRefused as error:
            failure: Refused | NotSent | SentNoAnswer = Refused(error.reason)
        except _NOT_SENT as error:
            failure = NotSent(type(error).__name__)
        except _NO_ANSWER as error:
            failure = SentNoAnswer(type(error).__name__)
        raise failure

    async def close(self) -> None:
        await self._pool.aclose()

    def _is_strange(self, host: str, port: int) -> bool:
        own = self._own
        return own is None or (host.lower(), port) != (own.host, own.port)

    async def _follow(self, url: str, limit: int, accept: str) -> bytes:
        for _ in range(self._bounds.redirects + 1):
            answer = await self._open(self._allowed(url), limit, accept)
            if isinstance(answer, bytes):
                return answer
            url = answer
        raise Refused("redirects")

    def _allowed(self, url: str) -> httpx.URL:
        try:
            parsed = parse_url(url)
        except ValueError:
            parsed = None
        if parsed is None or (parsed.scheme != "https" and origin_of(parsed) != self._own):
            raise Refused("address")
        return parsed

    async def _open(self, url: httpx.URL, limit: int, accept: str) -> bytes | str:
        """The bytes, or the address to go to next."""
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        async with self._pool.stream(
            "GET", target, headers=_headers(url, accept), extensions={"timeout": self._timeouts()}
        ) as response:
            headers = {name.lower(): value for name, value in response.headers}
            location = headers.get(b"location")
            if response.status in _REDIRECTS and location is not None:
                return _join(url, location)
            if response.status != 200:
                raise BadStatus(response.status)
            return await _read(response, headers, limit)

    def _timeouts(self) -> dict[str, float]:
        bounds = self._bounds
        return {
            "connect": bounds.connect,
            "pool": bounds.connect,
            "read": bounds.read,
            "write": bounds.read,
        }


_NOT_SENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, EgressAway)
_NO_ANSWER = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    TimeoutError,
    OSError,
)


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to checked numbers only; TLS still proves the name, which stays in the request."""

    def __init__(self, own: Origin | None, net: Net) -> None:
        self._own = own
        self._resolve = net.resolve
        self._network = net.network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise Refused("socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            found = None
        if not found:
            raise httpcore.ConnectError("name")
        if self._own is not None and (host.lower(), port) == (self._own.host, self._own.port):
            return found[:_MOST_ADDRESSES]
        public = [address for address in found if is_public(address)]
        if not public:
            raise Refused("host")
        return public[:_MOST_ADDRESSES]


def _headers(url: httpx.URL, accept: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"Host", url.netloc),
        (b"Accept", accept.encode()),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", b"imagewright"),
    ]


def _join(url: httpx.URL, location: bytes) -> str:
    try:
        return str(url.join(location.decode("ascii")))
    except (httpx.InvalidURL, UnicodeDecodeError, ValueError):
        raise Refused("redirect") from None


async def _read(response: httpcore.Response, headers: dict[bytes, bytes], limit: int) -> bytes:
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise BadStatus(response.status)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise TooLarge("length")
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge("body")
    return bytes(body)
