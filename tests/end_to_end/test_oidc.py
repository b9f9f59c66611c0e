"""Tokens of a certified identity provider, from its client to the tools and back."""

import dataclasses
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth, ClientCredentialsOAuthProvider

from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.auth.local import Local
from imagewright.adapters.auth.oidc import Oidc
from imagewright.app.parts import Parts, parts_of
from imagewright.settings import Settings
from tests.adapters.auth.tokens_by_hand import part
from tests.end_to_end.books import rows
from tests.end_to_end.service import Mode, Service, configured, running
from tests.end_to_end.wire import Peer
from tests.identity.provider import CLIENT, SECRET, IdentityProvider, signing_key

SUBJECT = f"user:idp/{CLIENT}"
ACL = f"""
[subjects]
"{SUBJECT}" = ["images:read", "images:write"]

[groups.painters]
scopes = ["images:read"]
"""


class Skewed:
    """The machine's clock, and what a test puts on top of it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclasses.dataclass(kw_only=True)
class Stage:
    """The provider, the service that trusts it, and the clock by which keys age."""

    identity: IdentityProvider
    service: Service
    clock: Skewed

    def token(self, scope: str = "") -> str:
        return self.identity.token(self.service.url, scope)

    def client(self, token: str, mode: Mode = "auto") -> Client[Any]:
        return Client(self.service.url, auth=BearerAuth(token), mode=mode)

    def http(self, token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.service.base, headers=headers, timeout=30)

    async def asked(self, token: str) -> httpx.Response:
        """What a bare request gets: 200 or 4xx of the protocol where the token is good."""
        async with self.http(token) as http:
            return await http.post("/mcp", json={})


@pytest.fixture(params=["ES256", "RS256", "PS256"])
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def identity() -> Iterator[IdentityProvider]:
    with IdentityProvider(keys=[signing_key("first")], claims={"groups": ["painters"]}) as found:
        yield found


def trusting(
    state: Path, identity: IdentityProvider, acl: str = ACL, **more: object
) -> tuple[Settings, int]:
    """Settings that trust it, and the port that they are for."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    section: dict[str, object] = {"issuer": identity.issuer, "groups_claim": "groups", **more}
    settings, _ = configured(
        state, acl, auth__issuers={"idp": section}, public_url=f"http://127.0.0.1:{port}"
    )
    return settings, port


def aged(settings: Settings, clock: Skewed) -> Parts:
    """The service's parts, with keys that age by that clock."""
    parts = parts_of(settings)
    url = f"{settings.public_url}{settings.server.path}"
    oidc = Oidc([each.config(name, url) for name, each in settings.auth.issuers.items()], clock)
    return dataclasses.replace(parts, oidc=oidc, chain=Chain(oidc, Local()))


@asynccontextmanager
async def staged(
    state: Path, identity: IdentityProvider, acl: str = ACL, **more: object
) -> AsyncIterator[Stage]:
    settings, port = trusting(state, identity, acl, **more)
    clock = Skewed()
    async with running(settings, {}, aged(settings, clock), port) as service:
        yield Stage(identity=identity, service=service, clock=clock)


@pytest.fixture
async def stage(tmp_path: Path, identity: IdentityProvider) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "state", identity) as found:
        yield found


async def test_a_token_of_the_provider_makes_an_image(
    tmp_path: Path, mode: Mode, algorithm: str
) -> None:
    keys = [signing_key("only", algorithm)]
    with IdentityProvider(keys=keys, algorithm=algorithm) as identity:
        settings, port = trusting(tmp_path / "state", identity)
        async with running(settings, {}, port=port) as service:
            made = identity.token(service.url, "images:read images:write")
            async with Client(service.url, auth=BearerAuth(made), mode=mode) as client:
                drawn = await client.call_tool("generate_image", {"prompt": "a red bicycle"})
                told = await client.call_tool("server_info", {})
    assert drawn.structured_content is not None
    assert drawn.structured_content["state"] == "succeeded"
    assert told.structured_content is not None
    assert told.structured_content["subject"] == SUBJECT


async def test_a_group_of_the_provider_is_a_group_of_the_acl(
    tmp_path: Path, identity: IdentityProvider
) -> None:
    acl = '[groups.painters]\nscopes = ["images:read"]\n'
    async with staged(tmp_path / "state", identity, acl) as stage:
        async with stage.client(stage.token()) as client:
            told = await client.call_tool("server_info", {})
        assert told.structured_content is not None
        assert told.structured_content["scopes"] == ["images:read"]
        identity.claims = {"groups": ["others"]}
        identity.rotate(*identity.keys)
        async with stage.client(stage.token()) as client:
            assert await client.list_tools() == []


async def test_a_token_for_another_resource_is_refused(stage: Stage) -> None:
    answer = await stage.asked(stage.identity.token(f"{stage.service.base}/other"))
    assert answer.status_code == 401


async def test_a_narrow_token_is_told_the_one_scope_of_the_call(stage: Stage, mode: Mode) -> None:
    async with stage.http(stage.token("images:read")) as http:
        peer = Peer(http, mode)
        listed = (await peer.ask("tools/list")).result["tools"]
        assert "generate_image" not in {tool["name"] for tool in listed}
        answer = await peer.call("generate_image", prompt="a fox")
        unknown = await peer.call("no_such_tool")
        readable = await peer.ask("resources/list")
    assert answer.status == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", '
        'error_description="This token\'s scope does not reach this.", scope="images:write", '
        f'resource_metadata="{stage.service.base}/.well-known/oauth-protected-resource/mcp"'
    )
    assert unknown.status != 403
    assert readable.status == 200


async def test_without_any_scope_reading_is_told_of_too(stage: Stage, mode: Mode) -> None:
    async with stage.http(stage.token("styles:write")) as http:
        peer = Peer(http, mode)
        answers = [
            await peer.read("imagewright://library"),
            await peer.ask("prompts/get", name="select_provider", arguments={"wanted": "x"}),
        ]
    for answer in answers:
        assert answer.status == 403
        assert 'scope="images:read"' in answer.headers["www-authenticate"]


async def test_a_route_tells_a_narrow_token_its_scope(stage: Stage) -> None:
    async with stage.http(stage.token("styles:write")) as http:
        for path in ("/v1/jobs/x", "/v1/jobs/x/events"):
            answer = await http.get(path)
            assert answer.status_code == 403
            assert 'scope="images:read"' in answer.headers["www-authenticate"]
            assert 'resource_metadata="' in answer.headers["www-authenticate"]
    async with stage.http(stage.token("images:read")) as http:
        assert (await http.get("/v1/jobs/x")).status_code == 404


async def test_what_a_narrow_token_is_refused_is_audited(stage: Stage, mode: Mode) -> None:
    async with stage.http(stage.token("styles:write")) as http:
        peer = Peer(http, mode)
        await peer.call("generate_image", prompt="a fox")
        await peer.read("imagewright://library")
    await stage.service.app.services.witness.flush()
    found = rows(
        stage.service.app.settings.state,
        "SELECT thing, outcome, reason, count, address, request FROM audit WHERE action = 'call'",
    )
    assert {each["thing"] for each in found} <= {"generate_image", "resource"}
    assert sum(each["count"] for each in found) == 2
    assert {(each["outcome"], each["reason"], each["address"]) for each in found} == {
        ("denied", "scope", "127.0.0.1")
    }
    assert all(each["request"].startswith("req_") for each in found)


async def test_what_no_token_of_the_subject_could_do_is_not_told_of(
    tmp_path: Path, identity: IdentityProvider, mode: Mode
) -> None:
    acl = f'[subjects]\n"{SUBJECT}" = ["images:read"]\n'
    async with staged(tmp_path / "state", identity, acl) as stage:
        for scope in ("", "images:read", "styles:write"):
            async with stage.http(stage.token(scope)) as http:
                peer = Peer(http, mode)
                hidden = await peer.call("generate_image", prompt="a fox")
                missing = await peer.call("generate_imagf", prompt="a fox")
            assert hidden.text == missing.text.replace("generate_imagf", "generate_image")
            assert hidden.status != 403


async def test_a_client_finds_the_provider_and_widens_its_token_by_itself(stage: Stage) -> None:
    auth = ClientCredentialsOAuthProvider(
        stage.service.url,
        client_id=CLIENT,
        client_secret=SECRET,
        issuer=stage.identity.issuer,
    )
    async with Client(stage.service.url, auth=auth) as client:
        drawn = await client.call_tool("generate_image", {"prompt": "a fox"})
    assert drawn.structured_content is not None
    assert drawn.structured_content["state"] == "succeeded"


async def test_a_session_goes_on_with_a_renewed_token_and_with_no_other(
    tmp_path: Path, identity: IdentityProvider
) -> None:
    async with staged(tmp_path / "state", identity) as stage, stage.http(stage.token()) as http:
        peer = Peer(http, "legacy")
        assert (await peer.call("server_info")).status == 200
        http.headers["Authorization"] = f"Bearer {stage.token()}"
        assert (await peer.call("server_info")).status == 200
        http.headers["Authorization"] = f"Bearer {stage.token('styles:write')}"
        assert (await peer.call("server_info")).status == 403


async def test_keys_are_rotated_while_the_service_runs(stage: Stage) -> None:
    first = stage.token()
    assert (await stage.asked(first)).status_code < 401
    old, new = stage.identity.keys[0], signing_key("second")
    stage.identity.rotate(new, old)
    second = stage.token()
    stage.clock.ahead += 10
    assert (await stage.asked(second)).status_code < 401
    assert (await stage.asked(first)).status_code < 401
    stage.identity.rotate(new)
    stage.clock.ahead += 300
    assert (await stage.asked(first)).status_code == 401
    assert (await stage.asked(second)).status_code < 401


async def test_an_outage_costs_no_client_its_token(stage: Stage) -> None:
    known = stage.token()
    assert (await stage.asked(known)).status_code < 401
    old, new = stage.identity.keys[0], signing_key("second")
    stage.identity.rotate(new, old)
    unseen = stage.token()
    stage.identity.stop()
    for passed in (10, 280, 500):
        stage.clock.ahead += passed
        assert (await stage.asked(known)).status_code < 401
        answer = await stage.asked(unseen)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "www-authenticate" not in answer.headers
    stage.clock.ahead += 200
    assert (await stage.asked(known)).status_code == 503
    stage.identity.start()
    stage.clock.ahead += 10
    assert (await stage.asked(known)).status_code < 401
    assert (await stage.asked(unseen)).status_code < 401


async def test_a_provider_that_is_away_at_the_start_is_no_reason_not_to(
    tmp_path: Path, identity: IdentityProvider
) -> None:
    async with staged(tmp_path / "state", identity) as stage:
        made = stage.token()
        identity.stop()
        assert (await stage.asked(made)).status_code == 503
        async with stage.http(made) as http:
            assert (await http.get("/health")).status_code == 503
        async with stage.service.http(None) as http:
            assert (await http.get("/health")).status_code == 200
        identity.start()
        stage.clock.ahead += 10
        assert (await stage.asked(made)).status_code < 401


async def test_a_thousand_tokens_of_unknown_keys_reach_the_provider_a_few_times(
    stage: Stage,
) -> None:
    counted = _count(stage)
    thief = IdentityProvider(keys=[signing_key("thief")], port=stage.identity.port)
    stage.identity.stop()
    with thief:
        made = thief.token(stage.service.url)
    stage.identity.start()
    head, body, signature = made.split(".")
    async with stage.http(made) as http:
        for number in range(1000):
            token = f"{_with_kid(head, number)}.{body}.{signature}"
            answer = await http.post("/mcp", headers={"Authorization": f"Bearer {token}"}, json={})
            assert answer.status_code == 401
    assert sum(counted.values()) <= 10


async def test_a_scope_that_every_token_needs_is_told(
    tmp_path: Path, identity: IdentityProvider
) -> None:
    async with staged(tmp_path / "state", identity, required_scopes=["spend"]) as stage:
        answer = await stage.asked(stage.token("images:read"))
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
        assert 'scope="spend"' in answer.headers["www-authenticate"]
        assert (await stage.asked(stage.token("images:read spend"))).status_code < 401


def _with_kid(head: str, number: int) -> str:
    return part({"alg": "ES256", "typ": "at+jwt", "kid": f"{head[:4]}{number}"})


def _count(stage: Stage) -> Mapping[str, int]:
    """How often the service asked the provider, from now on."""
    found: dict[str, int] = {"asked": 0}
    oidc = stage.service.app.parts.oidc
    assert oidc is not None
    for cache in oidc._caches.values():  # noqa: SLF001 - nothing else sees the questions
        source = cache._source  # noqa: SLF001 - likewise
        asked = source.keys

        async def keys(ask: Any = asked) -> list[dict[str, Any]]:
            found["asked"] += 1
            return list(await ask())

        source.keys = keys  # type: ignore[method-assign]  # counted in place
    return found
