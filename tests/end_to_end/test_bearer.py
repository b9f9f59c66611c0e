"""Bearer tokens over HTTP: who calls, exactly why nobody does, and never somebody else."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.app.parts import parts_of
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Unavailable
from imagewright.core.token import mint
from tests.end_to_end.service import (
    MEMBER,
    OWNER,
    STRANGER,
    Mode,
    Service,
    configured,
    digest,
    running,
)
from tests.end_to_end.wire import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVALID = 'Bearer error="invalid_token", error_description="The token is not valid."'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings, tokens = configured(tmp_path_factory.mktemp("bearer") / "state")
    async with running(settings, tokens) as found:
        yield found


def given(service: Service, **more: Any) -> str:
    """A new token of the owner's, appended to the file while the service runs."""
    token = mint(secrets.token_bytes)
    name = f"tok_{secrets.token_hex(6)}"
    entry = NewToken(id=name, sha256=digest(token), subject=OWNER, **more)
    add(service.app.settings.state / "tokens.toml", entry)
    return token


def bearing(service: Service, token: str | bytes) -> httpx.AsyncClient:
    value = token if isinstance(token, bytes) else token.encode()
    return httpx.AsyncClient(
        base_url=service.base, headers={b"Authorization": b"Bearer " + value}, timeout=30
    )


async def test_no_token_is_asked_for_one(shared: Service, mode: Mode) -> None:
    async with shared.http(None) as http:
        answer = await Peer(http, mode).ask("tools/list")
        basic = await http.post("/mcp", json={}, headers={"Authorization": "Basic YTpi"})
    for each in (answer.headers, basic.headers):
        assert each["www-authenticate"] == "Bearer"
    assert (answer.status, basic.status_code) == (401, 401)


@pytest.mark.parametrize(
    "token",
    [
        mint(secrets.token_bytes),
        "iw_short",
        "someone-elses",
        "a b",
        "a" * 20_000,
        b"\xff\xfe",
        "'; drop table tokens; --",
    ],
    ids=["unknown", "broken", "foreign", "spaced", "oversized", "bytes", "quoted"],
)
async def test_a_bad_token_is_refused_in_one_way(
    shared: Service, mode: Mode, token: str | bytes
) -> None:
    async with bearing(shared, token) as http:
        answer = await Peer(http, mode).ask("tools/list")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, INVALID)
    assert answer.error["code"] == "unauthenticated"
    assert answer.error["retry"] == "changed"


async def test_an_expired_token_and_one_from_elsewhere_are_bad_tokens(
    shared: Service, mode: Mode
) -> None:
    for token in (
        given(shared, expires=date(2020, 1, 1)),
        given(shared, cidrs=("192.0.2.0/24",)),
    ):
        shared.app.refresh(force=True)
        async with bearing(shared, token) as http:
            answer = await Peer(http, mode).ask("tools/list")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, INVALID)


async def test_two_authorization_headers_are_refused(shared: Service) -> None:
    good = f"Bearer {shared.tokens[OWNER]}"
    for pair in ((good, good), ("Basic YTpi", good), (good, "Bearer other")):
        headers = [("Authorization", each) for each in pair]
        async with httpx.AsyncClient(base_url=shared.base, headers=headers) as http:
            answer = await Peer(http, "auto").ask("tools/list")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, INVALID)


async def test_an_added_token_counts_within_seconds_and_a_removed_one_no_longer(
    shared: Service,
) -> None:
    path = shared.app.settings.state / "tokens.toml"
    before = path.read_bytes()
    async with bearing(shared, given(shared)) as http:
        peer = Peer(http, "legacy")
        for _ in range(50):
            if (await peer.open()).status == 200:
                break
            await asyncio.sleep(0.1)
        assert peer.session
        path.write_bytes(before)
        shared.app.refresh(force=True)
        # The session that the token opened ends with it.
        refused = await peer.ask("tools/list")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, INVALID)


async def test_a_narrower_token_only_narrows(shared: Service, mode: Mode) -> None:
    token = given(shared, scopes=("images:read", "spend:unattended"))
    shared.app.refresh(force=True)
    async with bearing(shared, token) as http:
        peer = Peer(http, mode)
        tools = {each["name"] for each in (await peer.ask("tools/list")).result["tools"]}
        info = (await peer.call("server_info")).result["structuredContent"]
        made = await peer.call("generate_image", prompt="x")
    assert "generate_image" not in tools
    assert "get_image" in tools
    assert (info["subject"], info["scopes"]) == (OWNER, ["images:read"])
    assert made.result["content"][0]["text"] == "Unknown tool: 'generate_image'"


async def test_an_edited_acl_counts_on_the_next_request(shared: Service, mode: Mode) -> None:
    path = shared.app.settings.state / "acl.toml"
    before = path.read_text()
    async with shared.http(STRANGER) as http:
        peer = Peer(http, mode)
        assert not (await peer.call("list_images")).result.get("isError")
        try:
            path.write_text(before.replace(f'"{STRANGER}" = ', '"user:nobody" = '))
            shared.app.refresh(force=True)
            gone = await peer.call("list_images")
        finally:
            path.write_text(before)
            shared.app.refresh(force=True)
    assert gone.result["content"][0]["text"] == "Unknown tool: 'list_images'"


class Away:
    """A source of identities that is down."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        raise self._fault

    async def credential(self, id: str) -> Credential | None:
        raise self._fault


@pytest.mark.parametrize(
    "fault",
    [Unavailable("Away.", details={"retry_after": 7}), RuntimeError("MARKED-WORDS")],
    ids=["fault", "crash"],
)
async def test_an_outage_costs_no_client_its_token(
    tmp_path: Path, mode: Mode, fault: Exception
) -> None:
    settings, tokens = configured(tmp_path / "state")
    parts = replace(parts_of(settings), chain=Away(fault))
    async with running(settings, tokens, parts) as service, service.http() as http:
        answer = await Peer(http, mode).ask("tools/list")
        del http.headers["authorization"]
        health = await http.get("/health")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) in {5, 7}
    assert "www-authenticate" not in answer.headers
    assert (answer.error["code"], answer.error["retry"]) == ("unavailable", "later")
    assert "MARKED-WORDS" not in answer.body
    assert health.status_code == 200


async def test_fifty_calls_at_once_are_each_answered_as_their_own(
    shared: Service, mode: Mode
) -> None:
    cast = (OWNER, MEMBER, STRANGER)
    clients = {who: shared.http(who) for who in cast}
    peers = {who: Peer(http, mode) for who, http in clients.items()}
    for peer in peers.values():
        await peer.ask("tools/list")
    order = [cast[turn % 3] for turn in range(51)]
    answers = await asyncio.gather(*(peers[who].call("server_info") for who in order))
    for http in clients.values():
        await http.aclose()
    found = [each.result["structuredContent"]["subject"] for each in answers]
    assert found == order
