"""What a caller may not do is not there: read-only, narrowed lists, subjects that nobody named."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastmcp.prompts.base import Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.tools.base import Tool
from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.mcp.server import TOOLS
from imagewright.app import build
from imagewright.core.scope import WRITING
from imagewright.settings import SettingsFault
from tests.end_to_end.service import MEMBER, OWNER, STRANGER, Mode, Service, configured, running
from tests.end_to_end.wire import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITE_TOOLS = {tool.name for tool in TOOLS if tool.scope in WRITING}
READ_TOOLS = {tool.name for tool in TOOLS} - WRITE_TOOLS
NARROW = f"""
[subjects]
"{OWNER}" = ["write", "spend:relayed", "spend"]

[subjects."{STRANGER}"]
scopes = ["write"]
tools = ["get_*", "generate_image"]
"""
WORDS = "Ask Ines before you make logos."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Read-only, as it comes."""
    settings, tokens = configured(tmp_path_factory.mktemp("reading") / "state", read_only=True)
    async with running(settings, tokens) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def narrowed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A stranger with few tools, and a member whom no entry names."""
    state = tmp_path_factory.mktemp("narrowed") / "state"
    settings, tokens = configured(state, NARROW, instructions=WORDS)
    async with running(settings, tokens) as found:
        yield found


async def names(peer: Peer, kind: str, field: str) -> list[str]:
    answer = await peer.ask(f"{kind}/list")
    return [each["name"] for each in answer.result[field]]


async def assert_absent(peer: Peer, tool: str) -> None:
    """Whatever the arguments, the bytes are those of a tool that never was, but for its name."""
    wrong: tuple[dict[str, Any], ...] = ({}, {"prompt": "x"}, {"n": "2", "bogus": True})
    for arguments in wrong:
        refused = await peer.call(tool, **arguments)
        unknown = await peer.call("no_such_tool", **arguments)
        assert refused.status == unknown.status
        assert refused.body.replace(tool, "no_such_tool") == unknown.body
        assert "Unknown tool" in unknown.body


async def test_read_only_hides_and_refuses_what_writes(reading: Service, mode: Mode) -> None:
    for who in (OWNER, STRANGER):
        async with reading.http(who) as http:
            peer = Peer(http, mode)
            assert set(await names(peer, "tools", "tools")) == READ_TOOLS
            for tool in sorted(WRITE_TOOLS):
                await assert_absent(peer, tool)
            info = await peer.call("server_info")
            assert info.result["structuredContent"]["read_only"] is True


async def test_an_estimate_stores_nothing(reading: Service, mode: Mode) -> None:
    png = "data:image/png;base64,iVBORw0KGgo="
    async with reading.http() as http:
        peer = Peer(http, mode)
        for name in (png, "https://example.com/a.png"):
            refused = await peer.call("estimate_cost", prompt="x", images=[name])
            assert refused.error["code"] == "invalid_request"
        listed = await peer.call("list_images")
    assert listed.result["structuredContent"]["total"] == 0


async def test_a_list_of_tools_narrows(narrowed: Service, mode: Mode) -> None:
    allowed = {"get_job", "get_image", "get_usage", "generate_image"}
    async with narrowed.http(STRANGER) as http:
        peer = Peer(http, mode)
        assert set(await names(peer, "tools", "tools")) == allowed
        for tool in sorted(READ_TOOLS | WRITE_TOOLS - allowed):
            if tool not in allowed:
                await assert_absent(peer, tool)
        made = await peer.call("generate_image", prompt="a hill", size="64x64")
        assert made.result["structuredContent"]["state"] == "succeeded"


async def test_a_subject_that_nobody_named_sees_nothing(narrowed: Service, mode: Mode) -> None:
    async with narrowed.http(MEMBER) as http:
        peer = Peer(http, mode)
        assert await names(peer, "tools", "tools") == []
        assert await names(peer, "resources", "resources") == []
        assert await names(peer, "resources/templates", "resourceTemplates") == []
        assert await names(peer, "prompts", "prompts") == []
        for tool in sorted(READ_TOOLS | WRITE_TOOLS):
            await assert_absent(peer, tool)
        for uri in ("image://list", "info://providers", f"image://img_{'a' * 26}/metadata"):
            refused, unknown = await peer.read(uri), await peer.read("image://no/such/thing")
            assert refused.body.replace(uri, "image://no/such/thing") == unknown.body
            assert "Resource not found" in unknown.body


async def test_instructions_are_made_for_the_caller(narrowed: Service, mode: Mode) -> None:
    said = {}
    for who in (OWNER, STRANGER, MEMBER):
        async with narrowed.http(who) as http:
            peer = Peer(http, mode)
            answer = await (peer.open() if mode == "legacy" else peer.ask("server/discover"))
            said[who] = answer.result["instructions"]
        assert said[who].endswith(WORDS)
    assert "confirm set to the quote" in said[OWNER]
    assert "Only free models" in said[STRANGER]
    assert "making them is not open to you" in said[MEMBER]


async def _spare() -> str:
    return "spare"


async def _spare_template(id: str) -> str:
    return id


@pytest.mark.parametrize("kind", ["tool", "resource", "template", "prompt"])
async def test_a_component_without_a_scope_stops_the_start(tmp_path: Path, kind: str) -> None:
    settings, _ = configured(tmp_path / "state")
    app = build(settings)
    if kind == "tool":
        app.mcp.add_tool(Tool.from_function(_spare, name="spare"))
    elif kind == "resource":
        app.mcp.add_resource(Resource.from_function(_spare, uri="spare://thing"))
    elif kind == "template":
        app.mcp.add_template(
            ResourceTemplate.from_function(_spare_template, uri_template="spare://{id}")
        )
    else:
        app.mcp.add_prompt(Prompt.from_function(_spare, name="spare"))
    with pytest.raises(RuntimeError, match="Without a declared scope: spare"):
        await app.__aenter__()


async def test_a_route_that_is_not_declared_stops_the_start(tmp_path: Path) -> None:
    settings, _ = configured(tmp_path / "state")
    app = build(settings)

    async def spare(_request: Request) -> Response:
        return Response("spare")

    app.mcp.custom_route("/spare", methods=["GET"])(spare)
    with pytest.raises(RuntimeError, match="Without a declared scope: /spare"):
        _ = app.http


async def test_a_completion_without_a_scope_stops_the_start(tmp_path: Path) -> None:
    settings, _ = configured(tmp_path / "state")
    app = build(settings)

    async def spare(*_: object) -> list[str]:
        return ["spare"]

    app.mcp.completion(spare)
    with pytest.raises(RuntimeError, match="Without a declared scope: completion"):
        await app.__aenter__()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - refused
async def test_a_public_address_without_authentication_is_refused(
    tmp_path: Path, host: str
) -> None:
    with pytest.raises(SettingsFault) as caught:
        configured(
            tmp_path / "state",
            server__host=host,
            auth__tokens_path=None,
            auth__acl_path=None,
        )
    assert any("no authentication is set" in flaw.sentence for flaw in caught.value.flaws)
