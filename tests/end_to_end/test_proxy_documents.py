"""Clients that register nowhere: an unmodified client with a document at a public address."""

import dataclasses
import webbrowser
from asyncio import to_thread
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import OAuth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from imagewright.adapters.web.documents import BOUNDS, WebDocuments
from imagewright.adapters.web.netguard import Guard, Net
from imagewright.app.parts import Parts, parts_of
from imagewright.settings import Settings
from tests.adapters.web.certificates import certificate, trusting
from tests.adapters.web.network import PUBLIC, Names, Network
from tests.end_to_end.proxies import ALICE, proxied
from tests.end_to_end.registrant import Registrant
from tests.end_to_end.service import Service, running
from tests.fakes.loopback import Loopback
from tests.identity.people import People, Visitor

pytestmark = pytest.mark.filterwarnings("ignore:Using in-memory token storage")
NAME = "painter.example"
ID = f"https://{NAME}/client.json"


async def document(request: Request) -> JSONResponse:
    told: dict[str, Any] = {
        "client_id": ID,
        "client_name": "Painter",
        "redirect_uris": ["http://localhost/callback", f"https://{NAME}/callback"],
        "token_endpoint_auth_method": "none",
    }
    return JSONResponse(told)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Guard]:
    """A network in which the name is a public host's."""
    pem = certificate(tmp_path, NAME)
    with Loopback(Starlette(routes=[Route("/client.json", document)]), ssl_certfile=str(pem)) as at:
        net = Net(resolve=Names([PUBLIC]), network=Network(at.port))
        yield Guard(bounds=BOUNDS, net=net, tls=trusting(pem))


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    found = Visitor()
    webbrowser.register("visitor", None, found, preferred=True)  # type: ignore[arg-type]  # duck
    yield found
    webbrowser._tryorder.remove("visitor")  # type: ignore[attr-defined]  # noqa: SLF001 - no way back is offered


def reading(settings: Settings, guard: Guard) -> Parts:
    parts = parts_of(settings)
    assert parts.proxy is not None
    proxy = dataclasses.replace(parts.proxy, documents=WebDocuments(guard))
    return dataclasses.replace(parts, proxy=proxy)


async def advertised(service: Service) -> bool:
    async with service.http(None) as http:
        told = (await http.get("/.well-known/oauth-authorization-server")).json()
    return bool(told["client_id_metadata_document_supported"])


async def test_an_unmodified_client_signs_in_by_its_document(
    tmp_path: Path, people: People, port: int, world: Guard, visitor: Visitor
) -> None:
    settings = proxied(tmp_path / "state", people, port, proxy__documents=True)
    auth = OAuth(client_metadata_url=ID)
    client: Client[Any] = Client(f"http://127.0.0.1:{port}/mcp", auth=auth)
    async with running(settings, {}, reading(settings, world), port) as service:
        assert await advertised(service)
        async with client:
            result = await client.call_tool("server_info", {})
        assert result.structured_content is not None
        assert result.structured_content["subject"] == ALICE
        authorizing = service.app.services.authorizing
        assert authorizing is not None
        assert await authorizing.registrations.all() == ()
        (grant,) = await authorizing.book.all()
        assert grant.client == ID
    (asked,) = [each for each in visitor.pages if "Agree" in each.text]
    assert ID in asked.text


async def test_its_other_redirects_are_held_against_the_operators_list(
    tmp_path: Path, people: People, port: int, world: Guard
) -> None:
    settings = proxied(tmp_path / "state", people, port, proxy__documents=True)
    async with (
        running(settings, {}, reading(settings, world), port) as service,
        service.http(None) as http,
    ):
        program = Registrant(http=http, base=service.base, id=ID)
        for redirect in (f"https://{NAME}/callback", "http://localhost/other"):
            answer = await http.get(program.address(redirect_uri=redirect))
            assert (answer.status_code, "location" in answer.headers) == (400, False)
        answer = await http.get(program.address(redirect_uri="http://localhost:5/callback"))
        assert answer.status_code == 200


async def test_no_address_inside_is_opened_for_a_stranger(
    tmp_path: Path, people: People, port: int
) -> None:
    """With the service's own guard, and the system's resolver."""
    settings = proxied(tmp_path / "state", people, port, proxy__documents=True)
    async with running(settings, {}, port=port) as service, service.http(None) as http:
        for host in ("127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1"):
            program = Registrant(http=http, base=service.base, id=f"https://{host}/client.json")
            answer = await http.get(program.address())
            assert answer.status_code == 400
            assert "no document" in answer.text


async def test_where_it_is_off_nothing_is_opened(
    tmp_path: Path, people: People, port: int, visitor: Visitor
) -> None:
    settings = proxied(tmp_path / "state", people, port)
    async with running(settings, {}, port=port) as service, service.http(None) as http:
        assert not await advertised(service)
        program = Registrant(http=http, base=service.base, id=ID)
        answer = await to_thread(visitor.visit, program.address())
        assert not isinstance(answer, str)
        assert answer.status_code == 400
        assert "not registered" in answer.text
