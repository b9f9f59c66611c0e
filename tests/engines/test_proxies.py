"""The configurations of `deploy/proxies` in the programs that read them, in front of a service."""

import asyncio
import os
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.core.token import mint
from tests.adapters.web.certificates import certificate, trusting
from tests.end_to_end.program import free_port
from tests.end_to_end.service import OWNER, configured, digest, running
from tests.end_to_end.wire import Peer
from tests.engines import debian

pytestmark = [pytest.mark.engines, pytest.mark.timeout(300)]
PROXIES = Path(__file__).parents[2] / "deploy/proxies"
PROGRAMS = {"nginx": "nginx-light", "caddy": "caddy"}
ELSEWHERE = "203.0.113.7"
LIES: tuple[dict[str, str], ...] = (
    {"X-Forwarded-For": ELSEWHERE},
    {"X-Forwarded-For": f"{ELSEWHERE}, {ELSEWHERE}"},
    {"Forwarded": f"for={ELSEWHERE}"},
    {"Forwarded": "nonsense"},
    {"X-Real-IP": ELSEWHERE, "True-Client-IP": ELSEWHERE, "CF-Connecting-IP": ELSEWHERE},
)


Start = Callable[[Path, int, int], tuple[list[str], Mapping[str, str], Path]]


def nginx(directory: Path, port: int, upstream: int) -> tuple[list[str], Mapping[str, str], Path]:
    """The file as it is, but for addresses and paths; its certificate is the test's."""
    pem = certificate(directory, "localhost")
    text = (PROXIES / "nginx.conf").read_text("utf-8")
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8787", f"127.0.0.1:{upstream}"),
        ("images.example.com", "localhost"),
        ("/etc/ssl/imagewright/fullchain.pem", str(pem)),
        ("/etc/ssl/imagewright/privkey.pem", str(pem)),
    ):
        assert old in text
        text = text.replace(old, new)
    temporary = "".join(
        f"{name}_temp_path {directory}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = directory / "nginx.conf"
    whole.write_text(
        f"daemon off; user root; pid {directory}/pid; error_log {directory}/log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n"
    )
    return ["nginx", "-c", str(whole)], {}, pem


def caddy(directory: Path, port: int, upstream: int) -> tuple[list[str], Mapping[str, str], Path]:
    """The file as it is, imported below what keeps Caddy from this machine's own settings."""
    whole = directory / "Caddyfile"
    whole.write_text(
        "{\nadmin off\nskip_install_trust\nauto_https disable_redirects\n}\n"
        f"import {PROXIES / 'Caddyfile'}\n"
    )
    environ = {
        "IMAGEWRIGHT_SITE": f"localhost:{port}",
        "IMAGEWRIGHT_UPSTREAM": f"127.0.0.1:{upstream}",
        "XDG_DATA_HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory),
        "HOME": str(directory),
    }
    root = directory / "caddy/pki/authorities/local/root.crt"
    return ["caddy", "run", "--config", str(whole), "--adapter", "caddyfile"], environ, root


@pytest.fixture(scope="module")
def programs() -> None:
    if reason := debian.obstacle(PROGRAMS):
        pytest.skip(reason)
    debian.ensure(PROGRAMS)


@asynccontextmanager
async def behind(start: Start, directory: Path, upstream: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy, which trusts its certificate and no other."""
    port = free_port()
    command, environ, trusted = start(directory, port, upstream)
    with (directory / "said").open("wb") as said:
        process = subprocess.Popen(
            command, env={**os.environ, **environ}, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 30
        while not trusted.exists() and time.monotonic() < until:  # noqa: ASYNC110 - a program of its own
            await asyncio.sleep(0.05)
        base = f"https://localhost:{port}"
        async with httpx.AsyncClient(base_url=base, verify=trusting(trusted), timeout=30) as client:
            found = await answered(client, until)
            assert found == 200, (directory / "said").read_text()[-2000:]
            yield client
    finally:
        process.terminate()
        process.wait(20)


async def answered(client: httpx.AsyncClient, until: float) -> int | None:
    """The first answer before a moment, or None."""
    while time.monotonic() < until:
        try:
            return (await client.get("/ready")).status_code
        except httpx.HTTPError:
            await asyncio.sleep(0.1)
    return None


@pytest.mark.parametrize("start", [nginx, caddy])
async def test_nobody_makes_an_address_up(tmp_path: Path, programs: None, start: Start) -> None:
    """One token is good from this machine, one from elsewhere; a client says all it can."""
    state = tmp_path / "state"
    here, there = mint(secrets.token_bytes), mint(secrets.token_bytes)
    settings, tokens = configured(state, server__trusted_proxies=["127.0.0.1"])
    for id, token, cidrs in (
        ("tok_here", here, ("127.0.0.0/8", "::1/128")),
        ("tok_there", there, (f"{ELSEWHERE}/32",)),
    ):
        entry = NewToken(id=id, sha256=digest(token), subject=OWNER, cidrs=cidrs)
        add(state / "tokens.toml", entry)
    async with running(settings, tokens) as service:
        upstream = int(service.base.rpartition(":")[2])
        async with behind(start, tmp_path, upstream) as client:
            for lie in ({}, *LIES):
                for token, expected in ((here, 200), (there, 401)):
                    client.headers = httpx.Headers({"Authorization": f"Bearer {token}", **lie})
                    answer = await Peer(client, "auto").call("server_info")
                    assert answer.status == expected, (lie, expected)
            client.headers = httpx.Headers({"Authorization": f"Bearer {here}"})
            made = await Peer(client, "auto").call("generate_image", prompt="a fox", wait=30)
            assert made.result["structuredContent"]["state"] == "succeeded"
            client.headers = httpx.Headers()
            told = await client.get("/ready")
            assert set(told.json()) == {"ready"}, "a stranger learns no part"
            assert "max-age" in told.headers["Strict-Transport-Security"]


def test_the_others_are_yaml_and_name_the_service() -> None:
    """Neither Traefik nor cloudflared is to be had here; they are read, and not run."""
    traefik = yaml.safe_load((PROXIES / "traefik.yaml").read_text("utf-8"))["http"]
    (router,) = traefik["routers"].values()
    assert router["service"] in traefik["services"]
    assert set(router["middlewares"]) <= set(traefik["middlewares"])
    (server,) = traefik["services"]["imagewright"]["loadBalancer"]["servers"]
    tunnel = yaml.safe_load((PROXIES / "cloudflared.yaml").read_text("utf-8"))
    assert tunnel["ingress"][0]["service"] == server["url"] == "http://127.0.0.1:8787"
    assert tunnel["ingress"][-1] == {"service": "http_status:404"}
