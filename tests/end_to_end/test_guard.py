"""Who may reach the service from where: Host, Origin, CORS, health, and the metrics' own door."""

import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from imagewright.app.parts import Parts, parts_of
from imagewright.settings import SettingsFault
from tests.end_to_end.service import MEMBER, OWNER, Mode, Service, configured, running
from tests.end_to_end.wire import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = "https://app.example.com"
ROUTES = ("/health", "/ready", "/mcp", "/i/1/x/y", "/none")
WORDS = "heliotrope-zeppelin"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """As it comes, with metrics."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    state = tmp_path_factory.mktemp("plain") / "state"
    settings, tokens = configured(state, metrics__port=port)
    async with running(settings, tokens) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """With names of its own and a page that may call it."""
    settings, tokens = configured(
        tmp_path_factory.mktemp("opened") / "state",
        server__allowed_hosts=("images.internal",),
        server__allowed_origins=(PAGE,),
        public_url="https://images.example.com",
    )
    async with running(settings, tokens) as found:
        yield found


@pytest.mark.parametrize("path", ROUTES)
async def test_a_foreign_host_or_origin_is_refused_everywhere(plain: Service, path: str) -> None:
    async with plain.http() as http:
        for method in ("GET", "POST", "OPTIONS"):
            host = await http.request(method, path, headers={"Host": "evil.example"})
            page = await http.request(method, path, headers={"Origin": "https://evil.example"})
            null = await http.request(method, path, headers={"Origin": "null"})
            assert (host.status_code, page.status_code, null.status_code) == (421, 403, 403)
            assert "access-control-allow-origin" not in page.headers


@pytest.mark.parametrize("host", ["images.internal", "images.example.com", "localhost:1"])
async def test_its_own_names_are_answered(opened: Service, host: str) -> None:
    async with opened.http(None) as http:
        assert (await http.get("/health", headers={"Host": host})).status_code == 200
        own = {"Host": "images.example.com", "Origin": "https://images.example.com"}
        assert (await http.get("/health", headers=own)).status_code == 200
        evil = await http.get("/health", headers={"Host": f"{host.partition(':')[0]}.evil.example"})
        assert evil.status_code == 421


async def test_cors_is_off_as_it_comes(plain: Service) -> None:
    async with plain.http() as http:
        same = await http.get("/health", headers={"Origin": plain.base})
    assert same.status_code == 200
    assert not [name for name in same.headers if name.startswith("access-control")]


async def test_only_listed_pages_are_told_that_they_may(opened: Service) -> None:
    async with opened.http(None) as http:
        asked = await http.options("/mcp", headers={"Origin": PAGE, **PREFLIGHT})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-credentials" not in asked.headers
        other = await http.options("/mcp", headers={"Origin": "https://x.example", **PREFLIGHT})
        assert other.status_code == 403
        # A page with a token that has run out must be able to read that.
        bad = {"Origin": PAGE, "Authorization": "Bearer gone"}
        refused = await http.post("/mcp", headers=bad)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == PAGE
        assert "x-request-id" in refused.headers["access-control-expose-headers"].lower()


async def test_every_page_at_once_is_no_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault):
        configured(tmp_path / "a", server__allowed_origins=("*",))
    with pytest.raises(SettingsFault):
        configured(tmp_path / "b", server__allowed_origins=("https://*.example.com",))
    with pytest.raises(SettingsFault):
        configured(tmp_path / "c", server__allowed_hosts=("*",))


async def test_details_are_for_loopback_and_administrators(plain: Service) -> None:
    whole = {"ready", "parts", "configuration", "draining"}
    async with plain.http(None) as http:
        near = await http.get("/ready")
        assert (near.status_code, set(near.json())) == (200, whole)
        assert all(near.json()["parts"].values())
        for header in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "Via", "X-Real-IP"):
            far = await http.get("/ready", headers={header: "127.0.0.1"})
            assert (far.status_code, far.json()) == (200, {"ready": True})
        assert (await http.get("/health")).json() == {"status": "ok"}
    async with plain.http(MEMBER) as http:
        assert set((await http.get("/ready")).json()) == {"ready"}
    async with plain.http(OWNER) as http:
        distant = await http.get("/ready", headers={"X-Forwarded-For": "192.0.2.1"})
        assert set(distant.json()) == whole


def broken(parts: Parts, asked: list[str]) -> Parts:
    async def ping() -> None:
        asked.append("imaging")
        raise RuntimeError(WORDS)

    imaging = parts.imaging
    imaging.ping = ping  # type: ignore[method-assign]  # one part broken
    return parts


async def test_a_broken_part_is_not_ready_and_asked_once_a_second(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    asked: list[str] = []
    parts = broken(parts_of(settings), asked)
    async with running(settings, tokens, parts) as service, service.http(None) as http:
        answers = [await http.get("/ready") for _ in range(10)]
        stranger = await http.get("/ready", headers={"Via": "x"})
        health = await http.get("/health")
    assert {each.status_code for each in answers} == {503}
    assert answers[0].json()["parts"] == {"database": True, "storage": True, "imaging": False}
    assert (stranger.status_code, stranger.json()) == (503, {"ready": False})
    assert len(asked) <= 2
    assert health.status_code == 200


async def test_a_draining_service_is_not_ready(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service, service.http(None) as http:
        assert (await http.get("/ready")).status_code == 200
        await service.app.drain()
        after = await http.get("/ready")
        health = await http.get("/health")
    assert (after.status_code, after.json()["draining"]) == (503, True)
    assert health.status_code == 200


async def test_an_unforeseen_fault_of_a_route_is_an_incident(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    parts = parts_of(settings)
    lost = replace(parts, library=Lost())  # type: ignore[arg-type]  # asked for owners only
    async with running(settings, tokens, lost) as service, service.http(None) as http:
        answer = await http.get(f"/i/4102444800/{'A' * 32}/img_{'a' * 26}.png")
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["message"].startswith("Internal error (inc_")
    assert error["hint"]
    assert WORDS not in answer.text


class Lost:
    """A library whose rows are gone."""

    async def owner(self, image: str) -> str | None:
        raise RuntimeError(WORDS)


async def test_metrics_are_ours_and_behind_a_door_of_their_own(plain: Service, mode: Mode) -> None:
    async with plain.http() as http:
        peer = Peer(http, mode)
        await peer.call("generate_image", prompt=WORDS, size="64x64", variation=mode)
        await peer.call("get_image", image=f"img_{'a' * 26}")
        await peer.read("image://list")
        await http.get(f"/{WORDS}/x")
        assert (await http.get("/metrics")).status_code == 404
    port = plain.app.settings.metrics.port
    async with httpx.AsyncClient() as http:
        page = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    assert 'imagewright_call_seconds_count{code="ok",component="generate_image"}' in page
    assert 'imagewright_call_seconds_count{code="not_found",component="get_image"}' in page
    assert 'imagewright_call_seconds_count{code="ok",component="image_list"}' in page
    assert 'imagewright_request_seconds_count{route="/mcp",status="200"}' in page
    assert 'imagewright_request_seconds_count{route="other",status="404"}' in page
    assert 'imagewright_job_seconds_count{provider="placeholder",state="succeeded"}' in page
    for secret in (WORDS, OWNER, "olga", *plain.tokens.values()):
        assert secret not in page


async def test_a_request_keeps_its_id(plain: Service) -> None:
    async with plain.http(None) as http:
        told = await http.get("/health", headers={"X-Request-ID": "trace-0123456789"})
        assert told.headers["x-request-id"] == "trace-0123456789"
        for odd in ("short", "a" * 65, 'quote"quote"', "line feed here"):
            made = (await http.get("/health", headers={"X-Request-ID": odd})).headers
            assert made["x-request-id"].startswith("req_")
        star = await http.request("OPTIONS", "*", headers={"Host": "127.0.0.1"})
        assert star.status_code in {404, 405, 400}
