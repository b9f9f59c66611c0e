"""Connections by way of an egress proxy's Unix socket, for a service without a network of its own.

Each asks with CONNECT (RFC 9110 9.3.6) for a host by its name, which only the proxy resolves and
checks. Why it refuses stands in its Proxy-Status (RFC 9209). TLS is spoken through the tunnel.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpcore

Transport = TypeVar("Transport")
PUBLIC_ONLY = "Imagewright-Addresses: public"
"""The header of a tunnel to where a stranger leads: what the operator named is not meant by it."""
_LONGEST = 4096
_END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_REASON = re.compile(rb"\r\nProxy-Status: [a-z-]+; error=([a-z_]{1,64})\r\n")


class EgressError(OSError):
    """No tunnel; `reason` is the proxy's word for it, or ours where it gave none."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EgressRefused(EgressError):
    """The proxy may not open this address."""


class EgressAway(EgressError):
    """The proxy does not answer, or could not connect."""


class Tunnels(httpcore.AsyncNetworkBackend):
    """A network backend of httpcore, and of httpcore2, which has the same shape.

    `real` is the library's own backend. Of hosts and ports that are `strange` only public
    addresses are opened. Raises EgressRefused and EgressAway.
    """

    def __init__(
        self, path: str, real: Any, strange: Callable[[str, int], bool] | None = None
    ) -> None:
        self._path = path
        self._real = real
        self._strange = strange

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Any:
        strange = self._strange is not None and self._strange(host, port)
        try:
            async with asyncio.timeout(timeout):
                return await self._opened(_asking(host, port, strange=strange))
        except EgressError:
            raise
        except Exception as error:  # noqa: BLE001 - each library has errors of its own
            reason = type(error).__name__
        raise EgressAway(reason)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Any:
        raise EgressRefused("socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _opened(self, asking: bytes) -> Any:
        stream = await self._real.connect_unix_socket(self._path)
        try:
            await stream.write(asking)
            answer = b""
            while not answer.endswith(_END):
                answer = _longer(answer, await stream.read(_LONGEST))
            _check(answer)
        except BaseException:
            await stream.aclose()
            raise
        return stream


def tunnelled(transport: Transport, path: str | None) -> Transport:
    """A transport of httpx or httpx2, which connects by way of the socket; as it is without one.

    A proxy that it is set to is reached through the tunnel.
    """
    if path is not None:
        # Neither library lets a backend be given, and both ignore `uds` beside a proxy.
        pool: Any = transport._pool  # type: ignore[attr-defined] # noqa: SLF001 - as said
        pool._network_backend = Tunnels(path, pool._network_backend)  # noqa: SLF001 - as said
    return transport


async def open_socket(path: str, host: str, port: int, seconds: float) -> socket.socket:
    """A socket that is connected to a host through the proxy; it is the caller's to close.

    Raises EgressRefused and EgressAway.
    """
    loop, made = asyncio.get_running_loop(), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        async with asyncio.timeout(seconds):
            await loop.sock_connect(made, path)
            await loop.sock_sendall(made, _asking(host, port, strange=False))
            answer = b""
            while not answer.endswith(_END):
                answer = _longer(answer, await loop.sock_recv(made, _LONGEST))
        _check(answer)
    except EgressError:
        made.close()
        raise
    except OSError as error:
        made.close()
        raise EgressAway(type(error).__name__) from None
    except BaseException:
        made.close()
        raise
    return made


def _asking(host: str, port: int, *, strange: bool) -> bytes:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = (f"CONNECT {place} HTTP/1.1", f"Host: {place}", *((PUBLIC_ONLY,) if strange else ()))
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _longer(answer: bytes, more: bytes) -> bytes:
    """Nothing may follow the answer: in a tunnel it is we who speak first."""
    found = answer + more
    if not more or len(found) > _LONGEST or (_END in found and not found.endswith(_END)):
        raise EgressAway("answer")
    return found


def _check(answer: bytes) -> None:
    status, reason = _STATUS.match(answer), _REASON.search(answer)
    word = reason[1].decode() if reason else "unknown"
    if status is None:
        raise EgressAway("answer")
    if status[1] == b"403":
        raise EgressRefused(word)
    if status[1] != b"200":
        raise EgressAway(word)
