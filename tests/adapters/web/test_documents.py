"""Clients' documents: read from public hosts alone, as they stand there and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from imagewright.adapters.web.documents import BOUNDS, WebDocuments
from imagewright.adapters.web.netguard import Guard, Net
from imagewright.core.errors import Fault, InvalidRequest, Unavailable
from tests.adapters.web.certificates import certificate, trusting
from tests.adapters.web.network import PUBLIC, Names, Network
from tests.fakes.loopback import Loopback

NAME = "app.example"
GOOD = b'{"client_id": "https://app.example/client.json"}'
PAGES = {
    "client.json": GOOD,
    "list.json": b"[]",
    "none.json": b"{",
    "deep.json": b"[" * 8000,
    "large.json": b'{"x": "' + b"x" * 8192 + b'"}',
}


async def page(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "moved.json":
        return RedirectResponse("/client.json")
    if name not in PAGES:
        return Response(status_code=404)
    return Response(PAGES[name], headers={"x-accept": request.headers["accept"]})


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture(scope="module")
def network(pem: Path) -> Iterator[Network]:
    app = Starlette(routes=[Route("/{name}", page)])
    with Loopback(app, ssl_certfile=str(pem)) as server:
        yield Network(server.port)


def documents(pem: Path, network: Network, *resolved: str) -> WebDocuments:
    names = Names(list(resolved) or [PUBLIC])
    net = Net(resolve=names, network=network)
    return WebDocuments(Guard(bounds=BOUNDS, net=net, tls=trusting(pem)))


async def test_a_document_is_what_stands_there(pem: Path, network: Network) -> None:
    reading = documents(pem, network)
    told = await reading.read(f"https://{NAME}/client.json")
    assert told == {"client_id": "https://app.example/client.json"}
    assert network.connected[-1] == (PUBLIC, 443)
    await reading.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.json", InvalidRequest),
        ("moved.json", InvalidRequest),
        ("list.json", InvalidRequest),
        ("none.json", InvalidRequest),
        ("deep.json", InvalidRequest),
        ("large.json", InvalidRequest),
    ],
)
async def test_what_is_no_document_is_none(
    pem: Path, network: Network, name: str, expected: type[Fault]
) -> None:
    with pytest.raises(expected) as caught:
        await documents(pem, network).read(f"https://{NAME}/{name}")
    assert "example" not in str(caught.value.public())


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
async def test_no_address_inside_is_opened(pem: Path, network: Network, address: str) -> None:
    network.connected.clear()
    with pytest.raises(InvalidRequest):
        await documents(pem, network, address).read(f"https://{NAME}/client.json")
    assert network.connected == []


async def test_a_silent_host_is_unavailable(pem: Path) -> None:
    with pytest.raises(Unavailable):
        await documents(pem, Network(1)).read(f"https://{NAME}/client.json")
