"""A service in front of a provider that knows one client only, on a stage."""

import dataclasses
import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from imagewright.adapters.auth.chain import Chain
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
    proxy = proxy_of(settings, parts.database, parts.keys, clock)
    assert proxy is not None
    assert parts.chain is not None
    return dataclasses.replace(parts, proxy=proxy, chain=Chain(proxy.grants, parts.chain))


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
