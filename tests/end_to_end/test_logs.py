"""Logs at their loudest: one JSON object a line, and nothing of what callers say or show."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.service import OWNER, STRANGER, Mode, configured
from tests.end_to_end.wire import Json, Peer
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.vendor import VENDOR_WORDS, Reply

MARK = "heliotrope-zeppelin"
CONFIG = """
read_only = false
state = "{state}"
[server]
port = {port}
[log]
level = "debug"
[auth]
acl_path = "{state}/acl.toml"
tokens_path = "{state}/tokens.toml"
[imaging]
workers = 1
[limits]
output_bytes = "4MiB"
[storage]
spool_bytes = "8MiB"
ballast_bytes = "1MiB"
[providers.placeholder]
[providers.vendor]
kind = "openai"
base_url = "{vendor}"
api_key = "{key}"
[[providers.vendor.models]]
id = "sketch"
sizes = {{ listed = ["64x64"] }}
price = {{ per = "image", prices = {{ "*" = "0" }} }}
"""


class Served:
    """A service in a process of its own, and what it said once it has ended."""

    def __init__(self, base: str, tokens: dict[str, str]) -> None:
        self.base = base
        self.tokens = tokens
        self.said = b""

    def http(self, token: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.base, headers=headers, timeout=30)

    @property
    def lines(self) -> list[Json]:
        return [json.loads(line) for line in self.said.splitlines()]


@asynccontextmanager
async def served(home: Path, vendor: str) -> AsyncIterator[Served]:
    _, tokens = configured(home / "state")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = home / "imagewright.toml"
    config.write_text(CONFIG.format(state=home / "state", port=port, vendor=vendor, key=KEY))
    config.chmod(0o600)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imagewright", "serve", "--config", str(config)),
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    found = Served(f"http://127.0.0.1:{port}", tokens)
    speaking = asyncio.create_task(process.communicate())
    try:
        await answering(found)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        found.said, _ = await speaking


async def answering(service: Served) -> None:
    async with service.http(None) as http:
        for _ in range(200):
            try:
                if (await http.get("/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("the service does not answer")


async def tour(service: Served, mode: Mode, vendor: FakeOpenAI) -> None:
    """Everything that may go right or wrong, with marked words wherever a caller can put them."""
    ask = {"prompt": MARK, "size": "64x64", "variation": mode}
    async with service.http(service.tokens[OWNER]) as http:
        peer = Peer(http, mode)
        made = await peer.call("generate_image", **ask, folder=MARK, tags=[MARK])
        image = made.result["structuredContent"]["images"][0]
        for arguments in ({"n": MARK}, {"prompt": [MARK]}, {MARK: MARK}, {"prompt": MARK * 9999}):
            await peer.call("generate_image", **{**ask, **arguments})
        for name in (MARK, f"data:image/png;base64,{MARK}", f"https://{MARK}.invalid/{MARK}"):
            await peer.call("edit_image", prompt=MARK, images=[name])
        vendor.replies.append(Reply(status=400, body=json.dumps({"error": VENDOR_WORDS}).encode()))
        failed = await peer.call("generate_image", **ask, provider="vendor")
        assert VENDOR_WORDS not in failed.body
        await peer.call(MARK, prompt=MARK)
        await peer.read(f"image://{MARK}/view")
        await peer.read(f"{image['uri']}?format={MARK}")
        await peer.read(image["uri"])
        await peer.ask(f"{MARK}/list")
        await http.post("/mcp", content=f'{{"broken": "{MARK}', headers={"X-Mark": MARK})
        await http.get(f"/i/1/{MARK}/{MARK}")
        await http.get(f"/{MARK}?{MARK}={MARK}")
        told = await http.get("/health", headers={"X-Request-ID": f"tour-{mode}-0001"})
        assert told.headers["x-request-id"] == f"tour-{mode}-0001"
    for token in (f"iw_{MARK}", MARK, service.tokens[STRANGER]):
        async with service.http(token) as http:
            peer = Peer(http, mode)
            peer.session = {"mcp-session-id": MARK}
            await peer.call("get_image", image=image["id"])


async def crash(service: Served, home: Path) -> None:
    """Something that nobody foresaw: the rows are gone from under the service."""
    database = home / "state" / "imagewright.db"
    sql = "ALTER TABLE images RENAME TO images_gone"
    script = f"import sqlite3; sqlite3.connect({str(database)!r}).execute({sql!r})"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await process.wait() == 0
    async with service.http(service.tokens[OWNER]) as http:
        broken = await Peer(http, "auto").call("list_images", text=MARK)
    assert broken.error["code"] in {"internal", "unavailable"}


@pytest.mark.slow
async def test_the_loudest_log_tells_nothing_of_callers(tmp_path: Path) -> None:
    with FakeOpenAI() as vendor:
        async with served(tmp_path, vendor.base_url) as service:
            for mode in ("auto", "legacy"):
                await tour(service, mode, vendor)
            await crash(service, tmp_path)
    said = service.said.decode()
    for secret in (MARK, VENDOR_WORDS, KEY, *service.tokens.values()):
        assert secret not in said
    lines = service.lines
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in lines)
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) > 40
    assert all({"request", "route", "status", "duration_ms"} <= set(line) for line in requests)
    assert {"tour-auto-0001", "tour-legacy-0001"} <= {line["request"] for line in requests}
    libraries = [
        each for each in lines if not each["logger"].startswith(("imagewright", "uvicorn"))
    ]
    assert {each["event"] for each in libraries} <= {"library message withheld"}
    assert any(line["event"] == "incident" for line in lines)
