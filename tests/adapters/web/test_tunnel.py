"""Clients that reach everything by way of an egress proxy's socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from imagewright.adapters.auth.discovery import NotPublished, Publications
from imagewright.adapters.auth.issuer import IssuerConfig
from imagewright.adapters.egress.proxy import EgressConfig
from imagewright.adapters.egress.ways import Place, Ways
from imagewright.adapters.web.client import Bounds, Call, Client, Endpoint
from imagewright.adapters.web.failures import NotSent, Refused, SentNoAnswer, WebError
from imagewright.adapters.web.netguard import Guard
from imagewright.adapters.web.origin import Origin
from imagewright.adapters.web.socket import Sockets
from imagewright.adapters.web.tunnel import EgressAway, EgressRefused, open_socket, tunnelled
from imagewright.core.secret import Secret
from tests.adapters.web.certificates import certificate, trusting
from tests.adapters.web.test_socket import KEY, Echo
from tests.fakes.egress import World, egress, listening
from tests.fakes.loopback import Loopback

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NAME, PUBLIC = "vendor.example", "93.184.216.34"
CALL = Call(path="x", content=b"q" * 3_000_000, limit=4_000_000)


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e") / "s"


async def same(request: Request) -> Response:
    return Response(await request.body())


async def moved(request: Request) -> Response:
    return RedirectResponse(request.query_params["to"])


ROUTES = [Route("/x", same, methods=["GET", "POST"]), Route("/moved", moved)]


@pytest.fixture
def plain() -> Iterator[Loopback]:
    with Loopback(Starlette(routes=ROUTES)) as server:
        yield server


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture
def secure(pem: Path) -> Iterator[Loopback]:
    with Loopback(Starlette(routes=ROUTES), ssl_certfile=str(pem)) as server:
        yield server


@asynccontextmanager
async def handled(handler: Handler, path: Path | None = None) -> AsyncIterator[int]:
    """A server that handles each connection by itself: the port, or 0 at a path."""
    done: list[asyncio.Event] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.append(ended := asyncio.Event())
        with suppress(OSError):
            await handler(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        ended.set()

    if path is not None:
        server = await asyncio.start_unix_server(handle, path)
    else:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield 0 if path is not None else server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*(each.wait() for each in done))


def places(*names: tuple[str, int]) -> Ways:
    return Ways(places=frozenset(Place(*each) for each in names))


async def failure(endpoint: Endpoint, seconds: float = 10.0) -> WebError:
    client = Client(endpoint)
    with pytest.raises(WebError) as caught:
        await client.send(CALL, seconds)
    await client.close()
    return caught.value


async def sent(endpoint: Endpoint) -> bytes:
    client = Client(endpoint)
    answer = await client.send(CALL, 20.0)
    await client.close()
    return answer.body


async def test_a_large_request_and_answer_go_through_plain(path: Path, plain: Loopback) -> None:
    world = World({NAME: [["127.0.0.1"]]})
    async with egress(path, places((NAME, plain.port)), world):
        endpoint = Endpoint(base_url=f"http://{NAME}:{plain.port}", egress=str(path))
        assert await sent(endpoint) == CALL.content
    # The name is resolved by the proxy, and only there.
    assert world.asked == [(NAME, plain.port)]


async def test_tls_is_spoken_through_the_tunnel_and_proves_the_name(
    path: Path, pem: Path, secure: Loopback
) -> None:
    world = World({NAME: [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
    async with egress(path, places((NAME, secure.port), ("other.example", secure.port)), world):
        endpoint = Endpoint(
            base_url=f"https://{NAME}:{secure.port}", ca_file=str(pem), egress=str(path)
        )
        assert await sent(endpoint) == CALL.content
        wrong = Endpoint(
            base_url=f"https://other.example:{secure.port}", ca_file=str(pem), egress=str(path)
        )
        assert isinstance(await failure(wrong), NotSent)


async def test_an_operators_proxy_is_reached_through_the_tunnel(path: Path) -> None:
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with handled(handle) as port, egress(path, places(("127.0.0.1", port))):
        proxy = Secret(f"http://user:pa55@127.0.0.1:{port}")
        endpoint = Endpoint(base_url="https://vendor.example/v1", proxy=proxy, egress=str(path))
        assert isinstance(await failure(endpoint), NotSent)
    assert seen[0].startswith(b"CONNECT vendor.example:443 ")


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1"])
async def test_a_host_that_is_not_allowed_was_not_sent(path: Path, address: str) -> None:
    async with egress(path, Ways(), World({NAME: [[address]]})):
        error = await failure(Endpoint(base_url=f"http://{NAME}", egress=str(path)))
    assert (type(error), error.reason) == (NotSent, "EgressRefused")
    assert error.__context__ is None


async def test_a_proxy_that_is_not_there_is_told_as_not_sent(path: Path) -> None:
    error = await failure(Endpoint(base_url=f"http://{NAME}", egress=str(path)))
    assert (type(error), error.reason) == (NotSent, "EgressAway")


async def test_a_vendor_that_is_away_was_not_sent(path: Path) -> None:
    async with egress(path, places(("127.0.0.1", 1))):
        error = await failure(Endpoint(base_url="http://127.0.0.1:1", egress=str(path)))
    assert (type(error), error.reason) == (NotSent, "EgressAway")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nmore",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_what_is_no_answer_of_a_proxy_makes_no_tunnel(path: Path, answer: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.write_eof()
        await reader.read()

    async with handled(handle, path):
        assert isinstance(await failure(Endpoint(base_url="http://a", egress=str(path))), NotSent)
        with pytest.raises(EgressAway):
            await open_socket(str(path), "a.example", 80, 5.0)


async def test_a_proxy_that_says_nothing_is_not_waited_for(path: Path) -> None:
    with listening(path):
        endpoint = Endpoint(base_url=f"http://{NAME}", egress=str(path), bounds=Bounds(connect=0.2))
        assert isinstance(await failure(endpoint), NotSent)
        with pytest.raises(EgressAway):
            await open_socket(str(path), NAME, 80, 0.2)


async def test_a_tunnel_that_is_cut_after_the_request_leaves_it_unknown(path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(1)

    config = EgressConfig(idle=0.3)
    async with (
        handled(hang) as port,
        egress(path, places(("127.0.0.1", port)), config=config),
    ):
        endpoint = Endpoint(base_url=f"http://127.0.0.1:{port}", egress=str(path))
        assert isinstance(await failure(endpoint), SentNoAnswer)


async def test_addresses_of_strangers_are_checked_by_the_proxy(
    path: Path, pem: Path, secure: Loopback
) -> None:
    names = {NAME: [[PUBLIC]], "turned.example": [["10.0.0.7"]], "idp.example": [["127.0.0.1"]]}
    world = World(names, port=secure.port)
    ways = Ways(public=True, places=places(("idp.example", 443)).places)
    async with egress(path, ways, world):
        guard = Guard(egress=str(path), tls=trusting(pem))
        assert await guard.get(f"https://{NAME}/x", 10) == b""
        for host in ("turned.example", "idp.example", "169.254.169.254", f"{NAME}:8443"):
            for url in (f"https://{host}/x", f"https://{NAME}/moved?to=https://{host}/x"):
                with pytest.raises(Refused):
                    await guard.get(url, 10)
        with pytest.raises(Refused):
            await guard.get(f"http://{NAME}/x", 10)
        await guard.close()
    assert {address for address, _ in world.connected} == {PUBLIC}


async def test_a_vendors_own_address_may_be_private(path: Path, plain: Loopback) -> None:
    async with egress(path, places(("127.0.0.1", plain.port))):
        guard = Guard(own=Origin("http", "127.0.0.1", plain.port), egress=str(path))
        assert await guard.get(f"http://127.0.0.1:{plain.port}/x", 10) == b""
        await guard.close()


async def test_a_guard_without_its_proxy_sent_nothing(path: Path) -> None:
    guard = Guard(egress=str(path))
    with pytest.raises(NotSent):
        await guard.get(f"https://{NAME}/x", 10)
    await guard.close()


@pytest.fixture
async def echo(path: Path) -> AsyncIterator[Echo]:
    with Echo() as vendor:
        yield vendor


async def test_a_websocket_goes_through_the_tunnel(path: Path, echo: Echo) -> None:
    endpoint = Endpoint(
        base_url=f"{echo.origin}/base", headers={"x-key": Secret(KEY)}, egress=str(path)
    )
    port = int(echo.origin.rpartition(":")[2])
    async with (
        egress(path, places(("127.0.0.1", port))) as proxy,
        Sockets(endpoint).open("ws", {"a": "1"}, 100) as socket,
    ):
        assert await socket.receive() == f"a=1 {KEY}"
        await socket.send("back")
        assert await socket.receive() == b"back"
        proxy.ways = Ways()
        with pytest.raises(NotSent):
            async with Sockets(endpoint).open("ws", {}, 100):
                pass


async def test_a_refusal_is_told_from_a_proxy_that_is_away(path: Path) -> None:
    async with egress(path, Ways()):
        with pytest.raises(EgressRefused) as caught:
            await open_socket(str(path), "::1", 80, 5.0)
    assert caught.value.reason == "http_request_denied"
    with pytest.raises(EgressAway):
        await open_socket(str(path), "::1", 80, 5.0)


async def test_an_issuer_is_asked_through_the_tunnel(path: Path) -> None:
    async def keys(request: Request) -> Response:
        return Response(b'{"keys": [{"kid": "a"}]}')

    with Loopback(Starlette(routes=[Route("/keys", keys)])) as server:
        base = f"http://127.0.0.1:{server.port}"
        config = IssuerConfig(
            name="idp", issuer=base, audience=("a",), jwks_uri=f"{base}/keys", egress=str(path)
        )
        publications = Publications(config)
        async with egress(path, places(("127.0.0.1", server.port))) as proxy:
            assert await publications.keys() == [{"kid": "a"}]
            proxy.ways = Ways()
            await publications.close()
            publications = Publications(config)
            with pytest.raises(NotPublished) as caught:
                await publications.keys()
            assert caught.value.away
        await publications.close()


async def test_a_unix_socket_of_another_is_not_opened(path: Path) -> None:
    transport = tunnelled(httpx.AsyncHTTPTransport(uds="/run/other"), str(path))
    with pytest.raises(EgressRefused):
        await transport.handle_async_request(httpx.Request("GET", "http://a"))
