"""WebSockets to the address that an operator configured for a provider.

They go where `client.Client`'s requests go, with the same headers, proxy and certificates, and
nothing from the environment. Redirects are not followed, frames are not unpacked.
"""

import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from imagewright.adapters.web.client import Endpoint, tls_context
from imagewright.adapters.web.failures import BadStatus, NotSent, SentNoAnswer, WebError
from imagewright.adapters.web.origin import origin_of, parse_url
from imagewright.adapters.web.tunnel import open_socket

# The library's log holds headers, and so credentials.
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001 - nobody may turn it on
_CLOSING = 2.0


class Socket:
    """One open WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | bytes:
        """The next message, text or binary. Raises SentNoAnswer where it was closed."""
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            failure = SentNoAnswer("closed")
        raise failure

    async def send(self, text: str) -> None:
        """Send a text. Raises SentNoAnswer where it was closed."""
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            failure = SentNoAnswer("closed")
        else:
            return
        raise failure


class Sockets:
    """Opens WebSockets at one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._base = parse_url(endpoint.base_url)
        self._tls = tls_context(endpoint.ca_file)

    @asynccontextmanager
    async def open(self, path: str, query: Mapping[str, str], limit: int) -> AsyncIterator[Socket]:
        """A socket until the block ends, whose messages have at most `limit` bytes.

        Raises NotSent, or BadStatus where the other side answers with something else.
        """
        connection = await self._connect(path, query, limit)
        try:
            yield Socket(connection)
        finally:
            await connection.close()

    async def _connect(self, path: str, query: Mapping[str, str], limit: int) -> ClientConnection:
        failure: WebError
        try:
            return await self._opening(path, query, limit, await self._socket())
        except InvalidStatus as error:
            failure = BadStatus(error.response.status_code)
        except (WebSocketException, TimeoutError, OSError, ValueError, EOFError) as error:
            failure = NotSent(type(error).__name__)
        # Raised here so that no context leads back to the library's request and its headers.
        raise failure

    async def _socket(self) -> socket.socket | None:
        """One that is connected by way of the egress proxy, or None to connect from here."""
        endpoint, origin = self._endpoint, origin_of(self._base)
        if endpoint.egress is None:
            return None
        seconds = endpoint.bounds.connect
        return await open_socket(endpoint.egress, origin.host, origin.port, seconds)

    def _opening(
        self, path: str, query: Mapping[str, str], limit: int, sock: socket.socket | None
    ) -> "_Once":
        endpoint, secure = self._endpoint, self._base.scheme == "https"
        url = self._base.copy_with(
            scheme="wss" if secure else "ws",
            path=f"{self._base.path.rstrip('/')}/{path.lstrip('/')}",
            params={**endpoint.query, **query},
        )
        return _Once(
            str(url),
            additional_headers={name: each.reveal() for name, each in endpoint.headers.items()},
            user_agent_header="imagewright",
            compression=None,
            proxy=endpoint.proxy.reveal() if endpoint.proxy else None,
            open_timeout=endpoint.bounds.connect,
            close_timeout=_CLOSING,
            max_size=limit,
            logger=_SILENT,
            ssl=self._tls if secure else None,
            sock=sock,
        )


class _Once(connect):
    """An opening that does not follow redirects: only some headers would be left behind."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
