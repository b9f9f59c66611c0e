"""WebSockets to a provider: what goes with them, and how they fail."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.config import WSProtocolType

from imagewright.adapters.web.client import Bounds, Endpoint
from imagewright.adapters.web.failures import BadStatus, NotSent, SentNoAnswer, WebError
from imagewright.adapters.web.socket import Sockets
from imagewright.core.secret import Secret
from tests.fakes.vendor import Vendor

KEY = "secret-of-the-socket"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Echo(Vendor):
    """Says back what it is sent, with the query and a header before it."""

    ws: ClassVar[WSProtocolType] = "websockets-sansio"

    opened = 0

    def routes(self) -> list[BaseRoute]:
        return [
            WebSocketRoute("/base/ws", self.echo),
            Route("/base/refused", self.refused),
        ]

    async def echo(self, socket: WebSocket) -> None:
        self.opened += 1
        await socket.accept()
        await socket.send_text(f"{socket.url.query} {socket.headers.get('x-key')}")
        with suppress(WebSocketDisconnect):
            text = await socket.receive_text()
            await socket.send_bytes(text.encode())
            await socket.close()

    async def refused(self, request: Request) -> Response:
        return Response(status_code=403)


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that handles each connection by itself."""
    done: list[asyncio.Event] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.append(ended := asyncio.Event())
        await handler(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await asyncio.gather(*(each.wait() for each in done))


@pytest.fixture
def vendor() -> Iterator[Echo]:
    with Echo() as vendor:
        yield vendor


def sockets(vendor: Echo, **changes: object) -> Sockets:
    values = {
        "base_url": f"{vendor.origin}/base",
        "headers": {"x-key": Secret(KEY)},
        "query": {"a": "1"},
        **changes,
    }
    return Sockets(Endpoint(**values))  # type: ignore[arg-type]  # changes are a test's own


async def failure(sockets: Sockets, path: str = "ws") -> WebError:
    with pytest.raises(WebError) as caught:
        async with sockets.open(path, {}, 100):
            pass
    assert caught.value.__context__ is None
    return caught.value


async def test_the_endpoints_headers_and_query_go_with_it(vendor: Echo) -> None:
    async with sockets(vendor).open("ws", {"b": "2"}, 100) as socket:
        assert await socket.receive() == f"a=1&b=2 {KEY}"
        await socket.send("back")
        assert await socket.receive() == b"back"
        with pytest.raises(SentNoAnswer) as caught:
            await socket.receive()
        assert caught.value.__context__ is None
        with pytest.raises(SentNoAnswer):
            await socket.send("more")


async def test_a_message_beyond_the_limit_ends_it(vendor: Echo) -> None:
    async with sockets(vendor).open("ws", {}, 5) as socket:
        with pytest.raises(SentNoAnswer):
            await socket.receive()


async def test_another_answer_is_told_by_its_status(vendor: Echo) -> None:
    error = await failure(sockets(vendor), "refused")
    assert isinstance(error, BadStatus)
    assert error.status == 403


async def test_redirects_are_not_followed(vendor: Echo) -> None:
    async def moved(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        location = f"{vendor.origin}/base/ws".replace("http:", "ws:").encode()
        writer.write(b"HTTP/1.1 307 Go\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n" % location)

    async with served(moved) as address:
        error = await failure(sockets(vendor, base_url=address))
    assert isinstance(error, BadStatus)
    assert error.status == 307
    assert not vendor.opened


async def test_nobody_there_and_no_socket_in_time_are_told(vendor: Echo) -> None:
    assert isinstance(await failure(sockets(vendor, base_url="http://127.0.0.1:1")), NotSent)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(silent) as address:
        slow = sockets(vendor, base_url=address, bounds=Bounds(connect=0.2))
        assert isinstance(await failure(slow), NotSent)


async def test_it_goes_through_the_proxy_and_not_through_the_environments(
    vendor: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    async with served(refusing) as address:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
            monkeypatch.setenv(name, address)
        async with sockets(vendor).open("ws", {}, 100) as socket:
            await socket.receive()
        assert not asked
        assert isinstance(await failure(sockets(vendor, proxy=Secret(address))), NotSent)
    assert asked[0].startswith(b"CONNECT ")
    assert KEY.encode() not in asked[0]


async def test_its_log_holds_nothing(vendor: Echo, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with sockets(vendor).open("ws", {}, 100) as socket:
        await socket.receive()
    assert KEY not in caplog.text
    assert KEY not in repr(vars(sockets(vendor)))
