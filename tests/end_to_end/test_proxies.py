"""The client's address behind proxies, as tokens' networks and the audit see it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from sqlalchemy import select

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.adapters.sql.tables import audit
from imagewright.app import build
from imagewright.core.token import mint
from tests.end_to_end.program import as_toml, free_port, program, until_ready
from tests.end_to_end.service import OWNER, Service, configured, digest, running, wanted

CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
HEADERS = {"Accept": "application/json, text/event-stream"}
INSIDE = "192.0.2.7"


@asynccontextmanager
async def serving(state: Path, *proxies: str) -> AsyncIterator[tuple[Service, str]]:
    """A service, and a token that is good from 192.0.2.0/24 alone."""
    settings, tokens = configured(state, server__trusted_proxies=proxies)
    token = mint(secrets.token_bytes)
    new = NewToken(id="tok_n", sha256=digest(token), subject=OWNER, cidrs=("192.0.2.0/24",))
    add(state / "tokens.toml", new)
    async with running(settings, tokens) as service:
        yield service, token


async def status(service: Service, token: str, *headers: tuple[str, str]) -> int:
    """How the endpoint answers a call with the token and these headers."""
    given = [*HEADERS.items(), ("Authorization", f"Bearer {token}"), *headers]
    async with httpx.AsyncClient(headers=given) as http:
        return (await http.post(service.url, json=CALL)).status_code


XFF, FORWARDED = "X-Forwarded-For", "Forwarded"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([(XFF, INSIDE)], 200),
        ([(XFF, f"6.6.6.6, {INSIDE}")], 200),
        ([(XFF, "6.6.6.6"), (XFF, INSIDE)], 200),
        ([(FORWARDED, f"for={INSIDE};proto=https")], 200),
        ([(XFF, INSIDE), (FORWARDED, f'for="{INSIDE}:80"')], 200),
        ([(XFF, f"{INSIDE}, 127.0.0.1")], 200),
        ([], 401),
        ([(XFF, f"{INSIDE}, 6.6.6.6")], 401),
        ([(XFF, INSIDE), (XFF, "6.6.6.6")], 401),
        ([(XFF, f"{INSIDE}, garbage")], 401),
        ([(XFF, "6.6.6.6"), (FORWARDED, f"for={INSIDE}")], 401),
        ([(XFF, INSIDE), (FORWARDED, "for=6.6.6.6")], 401),
        ([(XFF, INSIDE), (FORWARDED, "nonsense")], 401),
        ([(FORWARDED, f'for={INSIDE};x=", for=6.6.6.6')], 401),
        ([("X-Real-IP", INSIDE)], 401),
        ([("X-Client-IP", INSIDE), ("CF-Connecting-IP", INSIDE)], 401),
    ],
)
async def test_a_trusted_proxy_names_the_client(
    tmp_path: Path, headers: list[tuple[str, str]], code: int
) -> None:
    async with serving(tmp_path / "state", "127.0.0.1") as (service, token):
        assert await status(service, token, *headers) == code


@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8",), ("unix",), ("192.0.2.0/24",)])
async def test_nobody_else_does(tmp_path: Path, proxies: tuple[str, ...]) -> None:
    async with serving(tmp_path / "state", *proxies) as (service, token):
        for name in (XFF, FORWARDED):
            value = INSIDE if name == XFF else f"for={INSIDE}"
            assert await status(service, token, (name, value)) == 401
        assert await status(service, service.tokens[OWNER], (XFF, INSIDE)) == 200


async def test_the_audit_has_the_clients_address(tmp_path: Path) -> None:
    async with serving(tmp_path / "state", "127.0.0.1") as (service, token):
        headers = {"X-Forwarded-For": f"6.6.6.6, {INSIDE}"}
        transport = StreamableHttpTransport(service.url, headers=headers, auth=token)
        async with Client(transport) as client:
            await client.call_tool("generate_image", {"prompt": "a fox", "size": "64x64"})
        found = await service.app.parts.database.read(
            lambda connection: set(connection.scalars(select(audit.c.address)))
        )
    assert INSIDE in found
    assert found <= {INSIDE, None}


async def test_the_command_believes_nobody_by_default(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    configured(state)
    token = mint(secrets.token_bytes)
    new = NewToken(id="tok_n", sha256=digest(token), subject=OWNER, cidrs=("192.0.2.0/24",))
    add(state / "tokens.toml", new)
    config = tmp_path / "imagewright.toml"
    config.write_text(as_toml(wanted(state, server__port=port)))
    async with program(tmp_path / "log", "serve", "--config", str(config)):
        base = f"http://127.0.0.1:{port}"
        await until_ready(base)
        headers = {**HEADERS, "Authorization": f"Bearer {token}", XFF: INSIDE}
        async with httpx.AsyncClient(headers=headers) as http:
            assert (await http.post(f"{base}/mcp", json=CALL)).status_code == 401


@pytest.mark.parametrize(("proxies", "code"), [(("unix",), 200), (("127.0.0.1",), 401), ((), 401)])
async def test_a_peer_on_a_unix_socket(tmp_path: Path, proxies: tuple[str, ...], code: int) -> None:
    settings, _ = configured(tmp_path / "state", server__trusted_proxies=proxies)
    token = mint(secrets.token_bytes)
    new = NewToken(id="tok_n", sha256=digest(token), subject=OWNER, cidrs=("192.0.2.0/24",))
    add(tmp_path / "state" / "tokens.toml", new)
    socket = str(tmp_path / "socket")
    app = build(settings)
    config = uvicorn.Config(app.http, uds=socket, log_config=None, proxy_headers=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn sets a flag
        await asyncio.sleep(0.005)
    try:
        transport = httpx.AsyncHTTPTransport(uds=socket)
        headers = {**HEADERS, "Authorization": f"Bearer {token}", "X-Forwarded-For": INSIDE}
        async with httpx.AsyncClient(transport=transport, headers=headers) as http:
            answer = await http.post("http://localhost/mcp", json=CALL)
        assert answer.status_code == code
    finally:
        server.should_exit = True
        await serving
