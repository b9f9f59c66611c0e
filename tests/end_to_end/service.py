"""A whole Imagewright on a real socket, with a cast of three and a vendor that counts."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.app import App, build
from imagewright.app.checking import faults_of
from imagewright.app.parts import Parts
from imagewright.app.serving import listen
from imagewright.core.token import mint
from imagewright.settings import Settings, load

OWNER = "user:olga@example.com"
MEMBER = "user:max@example.com"
STRANGER = "user:sven@example.com"
ACL = f"""
[subjects]
"{OWNER}" = ["*"]
"{STRANGER}" = ["images:read", "images:write"]

[subjects."{MEMBER}"]
scopes = ["images:read"]

[groups.design]
scopes = ["images:read"]
"""
MIB = 1024 * 1024
Mode = Literal["auto", "legacy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service; `tokens` by subject."""

    app: App
    base: str
    tokens: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"{self.base}{self.app.settings.server.path}"

    def client(self, who: str = OWNER, mode: Mode = "auto", **more: Any) -> Client[Any]:
        """A FastMCP client of the subject; `mode` picks the protocol's era."""
        return Client(self.url, auth=BearerAuth(self.tokens[who]), mode=mode, **more)

    def http(self, who: str | None = OWNER) -> httpx.AsyncClient:
        """A plain HTTP client, with the subject's token or with none."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.AsyncClient(base_url=self.base, headers=headers, timeout=30)


def configured(
    state: Path,
    acl: str = ACL,
    cast: tuple[str, ...] = (OWNER, MEMBER, STRANGER),
    **explicit: object,
) -> tuple[Settings, dict[str, str]]:
    """Settings below a directory with a token for everybody in the cast, and those tokens.

    `explicit` has settings by dotted keys written with two underscores for the dot.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    (state / "acl.toml").write_text(acl)
    tokens = {who: mint(secrets.token_bytes) for who in cast}
    for index, (who, token) in enumerate(tokens.items()):
        groups = ("design",) if who in {OWNER, MEMBER} else ()
        add(
            state / "tokens.toml",
            NewToken(id=f"tok_{index}", sha256=digest(token), subject=who, groups=groups),
        )
    return settings_of(wanted(state, **explicit)), tokens


def wanted(state: Path, **explicit: object) -> dict[str, object]:
    """What is set explicitly for a state directory, by dotted keys."""
    found: dict[str, object] = {
        "state": str(state),
        "read_only": False,
        "auth.acl_path": str(state / "acl.toml"),
        "auth.tokens_path": str(state / "tokens.toml"),
        "providers.placeholder.kind": "placeholder",
        "imaging.workers": 1,
        "limits.output_bytes": 4 * MIB,
        "storage.spool_bytes": 8 * MIB,
        "storage.ballast_bytes": MIB,
        # Tests show many bad tokens from one address; that limit has tests of its own.
        "rates.strangers": "1000000/minute",
    }
    return found | {key.replace("__", "."): value for key, value in explicit.items()}


def settings_of(found: Mapping[str, object]) -> Settings:
    """The settings with these keys, and nothing of the environment."""
    return load(explicit=found, environ={}, check=faults_of).settings


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@asynccontextmanager
async def running(
    settings: Settings, tokens: Mapping[str, str], parts: Parts | None = None, port: int = 0
) -> AsyncIterator[Service]:
    """Serve on a port of loopback, any free one by default, until the context ends."""
    app = build(settings, parts=parts)
    listener = listen("127.0.0.1", port)
    server = uvicorn.Server(
        uvicorn.Config(
            app.http,
            log_config=None,
            lifespan="on",
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn sets a flag
        await asyncio.sleep(0.005)
    try:
        yield Service(app=app, base=f"http://127.0.0.1:{listener.getsockname()[1]}", tokens=tokens)
    finally:
        server.should_exit = True
        await serving
