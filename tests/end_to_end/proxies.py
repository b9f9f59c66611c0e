"""A service in front of a provider that knows one client only, on a stage."""

import asyncio
import dataclasses
import json
import os
import sys
import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from imagewright.app.parts import Parts, parts_of
from imagewright.app.proxy import proxy_of
from imagewright.settings import Settings
from tests.end_to_end.registrant import Recorded, Registrant
from tests.end_to_end.service import OWNER, Service, configured, running
from tests.identity.people import CLIENT, SECRET, People

ALICE = "user:corp/alice"
ACL = f"""
[subjects]
"{ALICE}" = ["images:read", "images:write"]

[groups.painters]
scopes = ["images:read"]
"""
DAY = 86_400


class Skewed:
    """The machine's clock, and what a test puts on top of it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> int:
        return time.time_ns() // 1000 + round(self.ahead * 1_000_000)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclasses.dataclass(kw_only=True)
class Stage:
    """The provider, the service in front of it, a program, and the clock by which things end."""

    people: People
    service: Service
    clock: Skewed
    program: Registrant

    async def another(self) -> Registrant:
        found = Registrant(http=self.program.http, base=self.service.base)
        assert (await found.register()).status_code == 201
        return found

    async def signed_in(self, **visitor: Any) -> dict[str, str]:
        """The program's answer once somebody signed in; its tokens are with it."""
        back = await to_thread(Recorded(**visitor).came_back, self.program.address())
        assert (await self.program.exchange(back["code"])).status_code == 200
        return back


def proxied(state: Path, people: People, port: int, **more: object) -> Settings:
    explicit: dict[str, object] = {
        "auth__issuers": {"corp": {"issuer": people.issuer, "groups_claim": "groups"}},
        "public_url": f"http://127.0.0.1:{port}",
        "proxy__issuer": "corp",
        "proxy__client_id": CLIENT,
        "proxy__client_secret": SECRET,
        **more,
    }
    (state / "tokens.toml").unlink(missing_ok=True)
    return configured(state, ACL, cast=(OWNER,), **explicit)[0]


def aged(settings: Settings, clock: Skewed) -> Parts:
    """The service's parts, with a proxy whose things end by that clock."""
    parts = parts_of(settings)
    return dataclasses.replace(parts, proxy=proxy_of(settings, parts.database, parts.keys, clock))


async def operated(stage: Stage, *words: str) -> tuple[int, str]:
    """The exit code and the words of a command in a process of its own, beside the service."""
    settings = stage.service.app.settings
    proxy, valkey = settings.proxy, settings.proxy.valkey_url
    wanted = {
        "STATE": str(settings.state),
        "PUBLIC_URL": str(settings.public_url),
        "AUTH__ACL_PATH": str(settings.auth.acl_path),
        "AUTH__ISSUERS": json.dumps({"corp": {"issuer": stage.people.issuer}}),
        "PROXY__ISSUER": "corp",
        "PROXY__CLIENT_ID": proxy.client_id,
        "PROXY__CLIENT_SECRET": SECRET,
        **({"PROXY__VALKEY_URL": valkey.get_secret_value()} if valkey else {}),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "imagewright", *words,
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nowhere",
            **{f"IMAGEWRIGHT_{name}": value for name, value in wanted.items()},
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out or errors).decode()


@asynccontextmanager
async def staged(state: Path, people: People, port: int, **more: object) -> AsyncIterator[Stage]:
    settings, clock = proxied(state, people, port, **more), Skewed()
    async with (
        running(settings, {}, aged(settings, clock), port) as service,
        httpx.AsyncClient(base_url=service.base, timeout=30) as http,
    ):
        program = Registrant(http=http, base=service.base)
        await program.register()
        yield Stage(people=people, service=service, clock=clock, program=program)
