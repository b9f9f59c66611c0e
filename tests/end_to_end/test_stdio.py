"""Over stdio the caller is `local`, and everything is decided as for everybody else."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from imagewright.api.mcp.server import TOOLS
from imagewright.core.revocation import EVERYBODY, Target, What
from imagewright.core.scope import WRITING
from tests.end_to_end.money import MODEL, with_vendor
from tests.end_to_end.program import as_toml
from tests.end_to_end.service import wanted
from tests.end_to_end.test_revocation import Elsewhere, until
from tests.fakes.openai_images import FakeOpenAI

READING = {tool.name for tool in TOOLS if tool.scope not in WRITING}
ALL = {tool.name for tool in TOOLS}
LOCAL = Target(what=What.SUBJECT, key="local")


@asynccontextmanager
async def local(state: Path, acl: str, **explicit: object) -> AsyncIterator[Client[Any]]:
    """A client of a process of its own; the tokens in its settings name nobody over stdio."""
    state.mkdir(mode=0o700)
    (state / "acl.toml").write_text(acl)
    (state / "tokens.toml").write_text("[tokens]\n")
    (state / "tokens.toml").chmod(0o600)
    config = state / "imagewright.toml"
    config.write_text(as_toml(wanted(state, **explicit)))
    config.chmod(0o600)
    command = ["-m", "imagewright", "serve", "--transport", "stdio", "--config", str(config)]
    transport = StdioTransport(sys.executable, command, keep_alive=False, log_file=state / "log")
    async with Client(transport) as client:
        yield client


async def names(client: Client[Any]) -> set[str]:
    return {each.name for each in await client.list_tools()}


def sees(client: Client[Any], tools: set[str]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await names(client) == tools

    return look


async def code(client: Client[Any], **arguments: Any) -> str | None:
    """The code of the error that making an image ends in."""
    answer = await client.call_tool("generate_image", arguments, raise_on_error=False)
    found = answer.structured_content
    assert found is not None, answer.content
    return str(found["error"]["code"]) if "error" in found else None


@pytest.mark.parametrize(
    ("acl", "read_only", "tools"),
    [
        ('[subjects]\nlocal = ["read"]\n', False, READING),
        ('[subjects]\nlocal = ["*"]\n', True, READING),
        ('[subjects]\n"user:alice" = ["*"]\n', False, set()),
        ('[subjects.local]\nscopes = ["*"]\ntools = ["get_*"]\n', False, {"get_*"}),
        ('[subjects.local]\nscopes = ["*"]\nexpires = 2020-01-01\n', False, set()),
    ],
    ids=["scopes", "read-only", "unnamed", "tools", "expired"],
)
async def test_local_may_what_the_acl_grants(
    tmp_path: Path, acl: str, read_only: bool, tools: set[str]
) -> None:
    if tools == {"get_*"}:
        tools = {name for name in ALL if name.startswith("get_")}
    async with local(tmp_path / "state", acl, read_only=read_only) as client:
        assert await names(client) == tools
        for tool in sorted(ALL - tools)[:2]:
            answer = await client.call_tool(tool, {}, raise_on_error=False)
            assert answer.is_error
            assert "Unknown tool" in str(answer.content)


async def test_limits_reloads_and_revocations_reach_local_too(tmp_path: Path) -> None:
    state = tmp_path / "state"
    acl = '[subjects.local]\nscopes = ["*", "spend:unattended"]\nmax = { n = 1 }\n'
    acl += 'budget = { per_call = "0.05", day = "9" }\n'
    with FakeOpenAI() as vendor:
        async with local(state, acl, **with_vendor(vendor)) as client:
            paid: dict[str, Any] = {
                "provider": "paint",
                "model": MODEL,
                "quality": "low",
                "size": "1024x640",
            }
            assert await names(client) == ALL
            assert await code(client, prompt="two", n=2) == "forbidden"
            assert await code(client, prompt="dear", **{**paid, "quality": "max"}) == (
                "budget_exceeded"
            )
            assert await code(client, prompt="a fox", **paid) is None
            elsewhere = Elsewhere(state)
            await elsewhere.revoke(EVERYBODY)
            assert await code(client, prompt="an owl", **paid) == "forbidden"
            assert await code(client, prompt="free", size="64x64") is None
            assert vendor.calls() == 1
            await elsewhere.revoke(LOCAL)
            await until(sees(client, set()))
            await elsewhere.restore(LOCAL)
            await until(sees(client, ALL))
            await asyncio.to_thread((state / "acl.toml").unlink)
            await until(sees(client, set()))
