"""Both Python clients in both eras over HTTP, and one local client over stdio."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastmcp import Client as FastClient
from fastmcp.client.transports import StdioTransport
from jsonschema import Draft202012Validator
from mcp import Client, ClientSession
from mcp.client.streamable_http import streamable_http_client

from imagewright.api.mcp.server import TOOLS
from tests.end_to_end.service import OWNER, Mode, Service, configured, running
from tests.end_to_end.wire import LEGACY, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG = """
read_only = false
state = "{state}"
[log]
level = "debug"
[imaging]
workers = 1
[limits]
output_bytes = "4MiB"
[storage]
spool_bytes = "8MiB"
ballast_bytes = "1MiB"
[providers.placeholder]
"""
TRAP = """FASTMCP_LOG_LEVEL=DEBUG
FASTMCP_SHOW_SERVER_BANNER=true
IMAGEWRIGHT_READ_ONLY=true
IMAGEWRIGHT_NAME=Trap
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings, tokens = configured(tmp_path_factory.mktemp("clients") / "state")
    async with running(settings, tokens) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working directory with a configuration, and a `.env` that nobody asked to read."""
    (tmp_path / "imagewright.toml").write_text(CONFIG.format(state=tmp_path / "state"))
    (tmp_path / ".env").write_text(TRAP)
    return tmp_path


def command(home: Path) -> list[str]:
    config = str(home / "imagewright.toml")
    return ["-m", "imagewright", "serve", "--transport", "stdio", "--config", config]


async def checked(client: Any, tool: str, arguments: Json) -> Json:
    """A call's structured content, which keeps the schema that the tool declares."""
    listed = await client.list_tools()
    tools = getattr(listed, "tools", listed)
    schema = next(each.output_schema for each in tools if each.name == tool)
    answer = await client.call_tool(tool, arguments)
    found: Json = answer.structured_content
    Draft202012Validator(schema).validate(found)
    return found


async def test_fastmcps_client(shared: Service, mode: Mode) -> None:
    async with shared.client(OWNER, mode) as client:
        assert len(await client.list_tools()) == len(TOOLS)
        made = await checked(
            client, "generate_image", {"prompt": "a fox", "size": "64x64", "variation": mode}
        )
        image = made["images"][0]
        assert "path" not in image
        assert (await checked(client, "get_image", {"image": image["id"]}))["id"] == image["id"]
        bad = await client.call_tool("generate_image", {"prompt": ""}, raise_on_error=False)
        assert bad.is_error
        assert bad.structured_content is not None
        assert bad.structured_content["error"]["code"] == "invalid_request"


@asynccontextmanager
async def sdk_session(service: Service, mode: Mode) -> AsyncIterator[Any]:
    """The SDK's own client: its session for the era of handshakes, else its `Client`."""
    headers = {"Authorization": f"Bearer {service.tokens[OWNER]}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(service.url, http_client=http)
        if mode == "legacy":
            async with transport as streams, ClientSession(*streams[:2]) as session:
                opened = await session.initialize()
                assert opened.server_info.name == "Imagewright"
                yield session
        else:
            async with Client(transport) as client:
                yield client


async def test_the_sdks_own_client(shared: Service, mode: Mode) -> None:
    async with sdk_session(shared, mode) as client:
        asked = {"prompt": "an owl", "size": "64x64", "variation": mode}
        made = await checked(client, "generate_image", asked)
        read = await client.read_resource(made["images"][0]["uri"])
        assert read.contents[0].mime_type == "image/png"
        bad = await client.call_tool("generate_image", {"prompt": "x", "n": "2"})
        assert bad.is_error
        assert bad.structured_content["error"]["code"] == "invalid_request"
        unknown = await client.call_tool("no_such_tool", {})
        assert unknown.is_error


async def test_stdio_serves_a_client_with_paths(home: Path, mode: Mode) -> None:
    transport = StdioTransport(
        sys.executable, command(home), cwd=str(home), keep_alive=False, log_file=home / "log"
    )
    async with FastClient(transport, mode=mode) as client:
        info = await checked(client, "server_info", {})
        # The `.env` in the working directory would have it otherwise.
        assert (info["name"], info["read_only"]) == ("Imagewright", False)
        assert info["subject"] == "local"
        made = await checked(client, "generate_image", {"prompt": "a bee", "size": "64x64"})
    path = Path(made["images"][0]["path"])
    assert path.is_absolute()
    assert path.is_relative_to(home / "state")
    assert path.stat().st_size == made["images"][0]["bytes"]


def request(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def call(number: int, tool: str, **arguments: Any) -> str:
    return request(number, "tools/call", name=tool, arguments=arguments)


OPENING = {
    "protocolVersion": LEGACY,
    "capabilities": {},
    "clientInfo": {"name": "wire", "version": "1"},
}
SPOKEN = (
    request(0, "initialize", **OPENING),
    json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
    request(1, "tools/list"),
    call(2, "generate_image", prompt="a cat", size="64x64"),
    call(3, "generate_image", prompt="a cat", n="two"),
    call(4, "no_such_tool"),
    request(5, "resources/read", uri="image://list"),
    request(6, "resources/read", uri="no://such/thing"),
    "this is not JSON",
    request(7, "no/such/method"),
    call(8, "get_job", job="job_none"),
    call(9, "generate_image", prompt="\x00"),
)


async def test_stdout_carries_nothing_but_json_rpc(home: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command(home),
        cwd=home,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write("".join(f"{line}\n" for line in SPOKEN).encode())
    answered: dict[Any, Json] = {}
    async with asyncio.timeout(20):
        while not set(range(10)) <= set(answered):
            message = json.loads(await process.stdout.readline())
            assert message["jsonrpc"] == "2.0"
            answered[message.get("id")] = message
    process.stdin.close()
    out, err = await process.communicate()
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert all(json.loads(line) for line in err.splitlines())
    assert answered[2]["result"]["structuredContent"]["state"] == "succeeded"
    assert answered[3]["result"]["structuredContent"]["error"]["code"] == "invalid_request"
    assert process.returncode == 0
