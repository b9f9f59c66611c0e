import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from imagewright.adapters.web.failures import (
    BadStatus,
    NotSent,
    Refused,
    SentNoAnswer,
    TooLarge,
    WebError,
)
from imagewright.adapters.web.fetcher import WebFetcher
from imagewright.adapters.web.netguard import Guard, GuardBounds, Net
from imagewright.adapters.web.origin import Origin
from imagewright.core.errors import (
    Fault,
    ImageTooLarge,
    InvalidImage,
    InvalidRequest,
    Unavailable,
)
from tests.adapters.web.certificates import certificate, trusting
from tests.adapters.web.network import PUBLIC, Names, Network
from tests.fakes.loopback import Loopback

NAME = "pictures.example"


class Host:
    """A host of pictures, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.app = Starlette(
            routes=[
                Route("/cat.png", self._cat),
                Route("/away", self._away),
                Route("/loop", self._loop),
                Route("/hang", self._hang),
                Route("/stream", self._stream),
                Route("/packed", self._packed),
            ]
        )

    async def _cat(self, request: Request) -> Response:
        self.asked.append((request.url.path, dict(request.headers)))
        return Response(b"cat", headers={"set-cookie": "a=b"})

    async def _away(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["to"])

    async def _loop(self, request: Request) -> Response:
        self.asked.append((request.url.path, dict(request.headers)))
        return RedirectResponse("/loop", headers={"set-cookie": "a=b"})

    async def _hang(self, request: Request) -> Response:
        await asyncio.sleep(30)
        return Response()

    async def _stream(self, request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b" " * 100

        return StreamingResponse(body())

    async def _packed(self, request: Request) -> Response:
        return Response(b"cat", headers={"content-encoding": "gzip"})


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture(scope="module")
def running(pem: Path) -> Iterator[tuple[Host, int]]:
    host = Host()
    with Loopback(host.app, ssl_certfile=str(pem)) as server:
        yield host, server.port


@pytest.fixture
def host(running: tuple[Host, int]) -> Host:
    running[0].asked.clear()
    return running[0]


@pytest.fixture
def network(running: tuple[Host, int]) -> Network:
    return Network(running[1])


def guard(pem: Path, network: Network, *answers: list[str], **more: Any) -> Guard:
    names = Names(*answers) if answers else Names([PUBLIC])
    return Guard(net=Net(resolve=names, network=network), tls=trusting(pem), **more)


async def test_the_connection_goes_to_the_checked_address_and_proves_the_name(
    host: Host, network: Network, pem: Path
) -> None:
    # The name's second answer would be private, if it were asked for one.
    assert await guard(pem, network, [PUBLIC], ["127.0.0.1"]).get(
        f"https://{NAME}/cat.png?sig=1", 3
    ) == (b"cat")
    assert network.connected == [(PUBLIC, 443)]
    path, headers = host.asked[0]
    assert path == "/cat.png"
    assert headers["host"] == NAME
    assert not {"authorization", "cookie"} & set(headers)


async def test_another_name_than_the_certificates_is_not_opened(
    host: Host, network: Network, pem: Path
) -> None:
    with pytest.raises(NotSent):
        await guard(pem, network).get("https://other.example/cat.png", 10)
    assert not host.asked


async def test_only_the_public_ones_of_several_addresses_are_used(
    host: Host, network: Network, pem: Path
) -> None:
    mixed = ["10.0.0.1", "::1", PUBLIC]
    await guard(pem, network, mixed).get(f"https://{NAME}/cat.png", 10)
    assert network.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "url",
    [
        f"http://{NAME}/cat.png",
        f"ftp://{NAME}/cat.png",
        "file:///etc/passwd",
        "cat.png",
        "",
        "https://",
        "https:///cat.png",
        f"https://user:word@{NAME}/cat.png",
        f"https://{NAME}/a b",
        f"https://{NAME}/a\r\nHost: x",
        f"https://{NAME}:99999/",
        "https://[::1/",
    ],
)
async def test_other_addresses_are_refused_unopened(network: Network, pem: Path, url: str) -> None:
    with pytest.raises(Refused):
        await guard(pem, network).get(url, 10)
    assert not network.connected


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0/",
    ],
)
async def test_private_hosts_in_any_spelling_are_refused_by_the_real_resolver(
    network: Network, pem: Path, url: str
) -> None:
    with pytest.raises((Refused, NotSent)):
        await Guard(net=Net(network=network), tls=trusting(pem)).get(url, 10)
    assert not network.connected


@pytest.mark.parametrize("to", ["https://internal.example/", "http://pictures.example/cat.png"])
async def test_redirects_are_checked_like_new_addresses(
    host: Host, network: Network, pem: Path, to: str
) -> None:
    with pytest.raises(Refused):
        await guard(pem, network, [PUBLIC], ["10.0.0.1"]).get(f"https://{NAME}/away?to={to}", 10)
    assert len(network.connected) == 1


async def test_redirects_to_public_hosts_are_followed_three_times(
    host: Host, network: Network, pem: Path
) -> None:
    assert await guard(pem, network).get(f"https://{NAME}/away?to=/cat.png", 10) == b"cat"
    with pytest.raises(Refused):
        await guard(pem, network).get(f"https://{NAME}/loop", 10)
    assert len(host.asked) == 5
    assert not [headers for _, headers in host.asked if "cookie" in headers]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/stream", TooLarge),
        ("/cat.png", TooLarge),
        ("/packed", BadStatus),
        ("/missing", BadStatus),
        ("/hang", SentNoAnswer),
    ],
)
async def test_bounds_and_statuses(
    host: Host, network: Network, pem: Path, path: str, expected: type[WebError]
) -> None:
    bounds = GuardBounds(total=0.5)
    with pytest.raises(expected) as caught:
        await guard(pem, network, bounds=bounds).get(f"https://{NAME}{path}", 2)
    assert NAME not in str(caught.value)
    assert caught.value.__context__ is None or path != "/hang"


async def test_a_name_without_addresses_was_not_sent(network: Network, pem: Path) -> None:
    async def nobody(host: str, port: int) -> list[str]:
        raise OSError

    for resolve in (nobody, Names([])):
        net = Net(resolve=resolve, network=network)
        with pytest.raises(NotSent):
            await Guard(net=net, tls=trusting(pem)).get("https://x/", 10)


async def test_the_own_origin_may_be_private_and_http_and_only_it() -> None:
    host = Host()
    with Loopback(host.app) as server:
        own = Guard(own=Origin("http", "127.0.0.1", server.port))
        assert await own.get(f"http://127.0.0.1:{server.port}/cat.png", 10) == b"cat"
        for other in (f"http://localhost:{server.port}/cat.png", "http://127.0.0.1:1/cat.png"):
            with pytest.raises(Refused):
                await own.get(other, 10)
            with pytest.raises(Refused):
                await own.get(f"http://127.0.0.1:{server.port}/away?to={other}", 10)
        await own.close()
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"http://{NAME}/cat.png", InvalidRequest),
        (f"https://{NAME}/stream", ImageTooLarge),
        (f"https://{NAME}/missing", InvalidImage),
        ("https://other.example/", Unavailable),
    ],
)
async def test_callers_read_our_own_sentences(
    host: Host, network: Network, pem: Path, url: str, expected: type[Fault]
) -> None:
    fetcher = WebFetcher(guard(pem, network))
    with pytest.raises(expected) as caught:
        await fetcher.fetch(url, 10)
    assert "example" not in str(caught.value.public())
    assert caught.value.__context__ is None
    await fetcher.close()


async def test_callers_get_the_bytes(host: Host, network: Network, pem: Path) -> None:
    assert await WebFetcher(guard(pem, network)).fetch(f"https://{NAME}/cat.png", 10) == b"cat"
