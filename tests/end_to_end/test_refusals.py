"""What the audit tells of calls that were refused, and of reads where they are asked for."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from prometheus_client import generate_latest

from tests.end_to_end.books import rows
from tests.end_to_end.money import HUMAN, MODEL, POOR, ROBOT, ask, call, generate, paid
from tests.end_to_end.service import (
    MEMBER,
    OWNER,
    STRANGER,
    Mode,
    Service,
    configured,
    running,
)
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way

PROMPT = "an unmistakable pangolin"
FREE = {"prompt": PROMPT, "size": "64x48"}
LINES = """
SELECT subjects.name AS who, audit.* FROM audit JOIN subjects ON subjects.number = audit.subject
WHERE action NOT IN ('reload') ORDER BY audit.id
"""


def lines(state: Path, *actions: str) -> list[dict[str, Any]]:
    """The lines of these actions, or all but those of configuration."""
    found = rows(state, LINES)
    return [each for each in found if not actions or each["action"] in actions]


def told(line: dict[str, Any]) -> tuple[str, str, str, str]:
    return line["who"], line["thing"], line["outcome"], line["reason"]


async def refused(service: Service, who: str, tool: str, mode: Mode = "auto") -> None:
    async with service.client(who, mode) as client:
        with pytest.raises((ToolError, MCPError)):
            await client.call_tool(tool, FREE)


async def test_a_tool_that_is_not_granted_is_a_line(tmp_path: Path, mode: Mode) -> None:
    settings, tokens = configured(tmp_path)
    async with running(settings, tokens) as service:
        for _ in range(3):
            await refused(service, MEMBER, "generate_image", mode)
        await refused(service, MEMBER, "no_such_tool", mode)
    found = lines(tmp_path)
    assert {told(each) for each in found} == {(MEMBER, "generate_image", "denied", "scope")}
    assert sum(each["count"] for each in found) == 3
    first = found[0]
    assert (first["credential"], first["address"]) == ("tok_1", "127.0.0.1")
    assert first["request"].startswith("req_")
    assert first["client"].startswith("mcp ")
    shape = json.loads(first["shape"])
    assert shape["size"] == "5 characters"
    assert set(shape["prompt"]) == {"characters", "hmac"}


async def test_a_subject_that_the_acl_does_not_name_is_a_line(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path, f'[subjects]\n"{OWNER}" = ["*"]\n')
    async with running(settings, tokens) as service:
        await refused(service, STRANGER, "list_images")
        async with service.client(STRANGER) as client:
            with pytest.raises(MCPError):
                await client.read_resource("image://list")
    found = sorted(told(each) for each in lines(tmp_path))
    assert found[0] == (STRANGER, "list_images", "denied", "unnamed")
    assert len(found) == 1 or found[1] == (STRANGER, "resource", "denied", "unnamed")
    assert sum(each["count"] for each in lines(tmp_path)) == 2


async def test_lists_are_no_refusals(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path)
    async with running(settings, tokens) as service, service.client(MEMBER) as client:
        await client.list_tools()
        await client.list_resources()
        await client.list_resource_templates()
    assert lines(tmp_path) == []


async def test_a_flood_of_refusals_is_a_line_a_second(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path)
    async with running(settings, tokens) as service, service.client(MEMBER) as client:
        for _ in range(120):
            answer = await client.call_tool("delete_image", {"image": "x"}, raise_on_error=False)
            assert answer.is_error
    found = lines(tmp_path)
    assert sum(each["count"] for each in found) == 120
    times = [each["at"] for each in found]
    # One at the start, one at the end, whenever those were.
    assert len(found) <= (max(times) - min(times)) / 1_000_000 + 3


async def test_tokens_that_are_not_taken_are_counted_and_not_written(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path)
    wrong = ["iw_" + "a" * 40, "nobody's", "x" * 20_000]
    async with running(settings, tokens) as service, httpx.AsyncClient() as client:
        for token in wrong:
            answer = await client.post(
                service.url, headers={"Authorization": f"Bearer {token}"}, json={}
            )
            assert answer.status_code == 401
        page = generate_latest(service.app.parts.metrics.registry).decode()
    assert lines(tmp_path) == []
    for reason in ("unauthenticated", "unknown", "malformed"):
        assert f'imagewright_auth_failures_total{{reason="{reason}"}} 1.0' in page


async def test_reads_are_lines_only_where_they_are_asked_for(tmp_path: Path) -> None:
    for asked in (False, True):
        state = tmp_path / str(asked)
        settings, tokens = configured(state, audit__reads=asked)
        async with running(settings, tokens) as service, service.client(OWNER) as client:
            made = (await client.call_tool("generate_image", FREE)).structured_content
            assert made is not None
            image = made["images"][0]["id"]
            await client.call_tool("get_image", {"image": f"image://{image}/view"})
            await client.call_tool("list_images", {"text": PROMPT})
            await client.read_resource(f"image://{image}/metadata")
        found = [told(each)[1:] for each in lines(state, "read")]
        assert found == asked * [
            (f"get_image:{image}", "allowed", "granted"),
            ("list_images", "allowed", "granted"),
            (f"resource:{image}", "allowed", "granted"),
        ]
        assert PROMPT not in repr(rows(state, LINES))


async def test_prompts_are_hashes_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    for prompts in ("hash", "text"):
        state = tmp_path / prompts
        settings, tokens = configured(state, audit__prompts=prompts)
        async with running(settings, tokens) as service, service.client(OWNER) as client:
            await client.call_tool("generate_image", FREE)
        (entered,) = lines(state, "admit")
        shape = json.loads(entered["shape"])
        assert shape["size"] == "5 characters"
        assert shape["prompt"].get("text") == (PROMPT if prompts == "text" else None)


async def test_files_in_force_are_lines(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path)
    async with running(settings, tokens) as service:
        acl = tmp_path / "acl.toml"
        acl.write_text(acl.read_text() + "# changed\n")
        service.app.refresh()
        service.app.refresh()
        acl.write_text("[subjects\n")
        service.app.refresh()
    found = rows(tmp_path, LINES.replace("NOT IN", "IN"))
    assert [(each["who"], each["thing"], each["outcome"]) for each in found] == [
        ("operator", "acl.toml", "in force"),
        ("operator", "tokens.toml", "in force"),
        ("operator", "acl.toml", "in force"),
    ]
    digests = [json.loads(each["shape"])["sha256"] for each in found]
    assert digests[0] != digests[2]


async def no(*_: object) -> ElicitResult[Any]:
    return ElicitResult(action="decline")


async def test_what_was_refused_at_the_door_says_why(tmp_path: Path, mode: Mode) -> None:
    with FakeOpenAI() as vendor:
        async with paid(tmp_path, vendor, limits__waiting=1, limits__queue=1) as road:
            async with road.client(HUMAN, mode, elicitation_handler=no) as client:
                await generate(client, ask())
                await generate(client, ask(confirm="quo_" + "a" * 26))
            async with road.client(ROBOT, mode) as client:
                await generate(client, ask(quality="max", n=4))
            async with road.client(POOR, mode) as client:
                await generate(client, ask())
        assert vendor.calls() == 0
    found = {told(each) for each in lines(tmp_path, "call")}
    assert found == {
        (HUMAN, "generate_image", "declined", "confirmation_declined"),
        (ROBOT, "generate_image", "denied", "budget_exceeded"),
        (POOR, "generate_image", "denied", "forbidden"),
    }


async def test_a_model_that_is_kept_from_the_caller_is_a_line_and_one_that_never_was_is_not(
    tmp_path: Path,
) -> None:
    acl = f'[subjects."{HUMAN}"]\nscopes = ["images:write", "spend"]\nmodels = ["{MODEL}"]\n'
    acl += f'[subjects."{POOR}"]\nscopes = ["images:write", "spend"]\nproviders = ["placeholder"]\n'
    with FakeOpenAI() as vendor:
        async with paid(tmp_path, vendor, acl) as road:
            async with road.client(HUMAN) as client:
                never = await generate(client, ask(model="no-such-model"))
                barred = await generate(client, ask(model="gpt-image-1.5"))
            async with road.client(POOR) as client:
                await generate(client, ask())
                await generate(client, ask(provider="nobody"))
    assert never["error"] == barred["error"]
    assert {told(each) for each in lines(tmp_path, "call")} == {
        (HUMAN, "generate_image", "denied", "model"),
        (POOR, "generate_image", "denied", "provider"),
    }


async def test_a_full_queue_limits_and_is_told_as_that(tmp_path: Path) -> None:
    with FakeOpenAI() as vendor:
        vendor.replies.extend([Reply(way=Way.HANG)] * 2)
        async with (
            paid(tmp_path, vendor, limits__queue=1, limits__waiting=1, limits__running=1) as road,
            road.client(ROBOT) as client,
        ):
            first = await generate(client, ask(wait=0))
            while vendor.calls() == 0:  # noqa: ASYNC110 - a count is no event
                await asyncio.sleep(0.02)
            second = await generate(client, ask(wait=0))
            third = await generate(client, ask(wait=0))
            assert third["error"]["code"] == "busy"
            for each in (second, first):
                await call(client, "cancel_job", {"job": each["job"]})
    (line,) = lines(tmp_path, "call")
    assert told(line) == (ROBOT, "generate_image", "limited", "busy")
    ends = {(each["action"], each["outcome"]) for each in lines(tmp_path, "cancel", "settle")}
    assert ends == {("cancel", "canceled"), ("cancel", "running"), ("settle", "outcome_unknown")}


async def test_no_answer_waits_for_the_audit(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path, audit__reads=True)
    async with running(settings, tokens) as service:
        other = sqlite3.connect(tmp_path / "imagewright.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            async with service.client(MEMBER) as client:
                assert not (await client.call_tool("list_images", {})).is_error
                with pytest.raises((ToolError, MCPError), match="Unknown tool"):
                    await client.call_tool("generate_image", FREE)
            assert lines(tmp_path) == []
        finally:
            other.execute("ROLLBACK")
            other.close()
    assert sorted(each["action"] for each in lines(tmp_path)) == ["call", "read"]
