"""What a model reads of the tools: valid schemas, its own choices, few bytes, clear errors."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from mcp.types import Tool

from imagewright.app.parts import parts_of
from tests.end_to_end.service import MEMBER, OWNER, STRANGER, Mode, Service, configured, running
from tests.end_to_end.wire import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACL = f"""
[subjects]
"{OWNER}" = ["*"]
"{MEMBER}" = ["read"]

[subjects."{STRANGER}"]
scopes = ["write"]
providers = ["placeholder"]
"""
MARK = "heliotrope-zeppelin"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """With the vendor that has the most models."""
    settings, tokens = configured(
        tmp_path_factory.mktemp("schemas") / "state",
        ACL,
        providers__openai__kind="openai",
        providers__openai__api_key="sk-none",
    )
    async with running(settings, tokens) as found:
        yield found


async def tools(service: Service, who: str, mode: Mode) -> dict[str, Tool]:
    async with service.client(who, mode) as client:
        return {tool.name: tool for tool in await client.list_tools()}


def size(listed: dict[str, Tool]) -> int:
    """Bytes in a model's context: the name, the description and the input schema of each."""
    return sum(
        len(
            json.dumps(
                {"name": one.name, "description": one.description, "inputSchema": one.input_schema},
                separators=(",", ":"),
                ensure_ascii=False,
            ).encode()
        )
        for one in listed.values()
    )


async def test_schemas_are_json_schema_and_small(shared: Service, mode: Mode) -> None:
    for who, most in ((OWNER, 12_000), (MEMBER, 4_000)):
        listed = await tools(shared, who, mode)
        assert size(listed) <= most
        for tool in listed.values():
            assert tool.output_schema is not None
            for schema in (tool.input_schema, tool.output_schema):
                Draft202012Validator.check_schema(schema)
                assert "$ref" not in json.dumps(schema)
            assert tool.annotations is not None
            assert tool.title == tool.annotations.title


async def test_what_is_said_of_effects_is_what_scopes_say(shared: Service) -> None:
    reading = set(await tools(shared, MEMBER, "auto"))
    for name, tool in (await tools(shared, OWNER, "auto")).items():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint == (name in reading)


async def test_choices_are_the_callers_own(shared: Service, mode: Mode) -> None:
    def choices(listed: dict[str, Tool], argument: str) -> list[str]:
        found: list[str] = listed["generate_image"].input_schema["properties"][argument]["enum"]
        return found

    every, few = await tools(shared, OWNER, mode), await tools(shared, STRANGER, mode)
    assert choices(every, "provider") == ["auto", "placeholder", "openai"]
    assert {"gpt-image-2", "placeholder"} < set(choices(every, "model"))
    assert {"low", "high"} < set(choices(every, "quality"))
    assert choices(few, "provider") == ["auto", "placeholder"]
    assert choices(few, "model") == ["auto", "placeholder"]
    assert choices(few, "quality") == ["auto"]
    assert set(choices(few, "output_format")) == {"png", "jpeg", "webp"}
    assert "openai" not in json.dumps([tool.input_schema for tool in few.values()])
    edit = few["edit_image"].input_schema["properties"]
    assert edit["mask"]["description"].endswith("Taken by placeholder.")
    assert edit["images"]["description"].endswith("At most 16 (placeholder).")
    wide = every["edit_image"].input_schema["properties"]
    assert wide["mask"]["description"].endswith("Taken by placeholder, openai.")
    assert wide["images"]["description"].endswith("At most 16 (placeholder, openai).")
    async with shared.http(STRANGER) as http:
        peer = Peer(http, mode)
        for provider in ("openai", "no-such-provider"):
            refused = await peer.call("generate_image", prompt="x", provider=provider)
            assert refused.error["code"] == "unknown_provider"
            assert refused.error["details"] == {"providers": ["placeholder"]}
            priced = await peer.call("estimate_cost", prompt="x", provider=provider)
            assert priced.error == refused.error
        models = await peer.call("list_providers")
        page = await peer.read("info://providers")
    assert "gpt-" not in models.body + page.body


@pytest.mark.parametrize(
    ("tool", "arguments", "argument"),
    [
        ("generate_image", {"prompt": "x", "n": "2"}, "n"),
        ("generate_image", {"prompt": "x", "n": 11}, "n"),
        ("generate_image", {"prompt": "x", "n": 0}, "n"),
        ("generate_image", {"prompt": "x", "n": 1.5}, "n"),
        ("generate_image", {"prompt": "x", "n": True}, "n"),
        ("generate_image", {"prompt": [MARK]}, "prompt"),
        ("generate_image", {"prompt": "x", "quality": MARK}, "quality"),
        ("generate_image", {"prompt": "x", "output_format": MARK}, "output_format"),
        ("generate_image", {"prompt": "x", "tags": MARK}, "tags"),
        ("generate_image", {"prompt": "x", "colour": MARK}, "colour"),
        ("generate_image", {}, "prompt"),
        ("edit_image", {"prompt": "x", "images": []}, "images"),
        ("edit_image", {"prompt": "x", "images": ["a"] * 17}, "images"),
        ("estimate_cost", {"prompt": "x", "images": [MARK] * 17}, "images"),
        ("get_image", {"image": MARK * 20}, "image"),
        ("list_images", {"limit": 101}, "limit"),
        ("show_image", {"image": "img_x", "edge": 4096}, "edge"),
    ],
)
async def test_arguments_are_taken_as_they_are_or_refused(
    shared: Service, mode: Mode, tool: str, arguments: dict[str, Any], argument: str
) -> None:
    async with shared.http() as http:
        answer = await Peer(http, mode).call(tool, **arguments)
    assert answer.result["isError"]
    error = answer.error
    assert (error["code"], error["retry"]) == ("invalid_request", "changed")
    assert error["hint"]
    assert error["details"]["arguments"][0]["argument"].startswith(argument)
    assert MARK not in answer.body


async def test_null_is_the_same_as_left_out(shared: Service, mode: Mode) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        asked = {"prompt": "a gate", "size": "64x64", "variation": mode}
        first = await peer.call("generate_image", **asked)
        nulls = dict.fromkeys(("seed", "tags", "output_format", "wait"))
        again = await peer.call("generate_image", **asked, **nulls)
    assert first.result["structuredContent"]["job"] == again.result["structuredContent"]["job"], (
        again.body
    )


class Broken:
    """A library that fails with words nobody may see."""

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError(MARK)

        return fail


async def test_what_nobody_foresaw_is_an_incident_and_no_more(tmp_path: Path, mode: Mode) -> None:
    settings, tokens = configured(tmp_path / "state")
    parts = replace(parts_of(settings), library=Broken())
    async with running(settings, tokens, parts) as service, service.http() as http:
        peer = Peer(http, mode)
        for answer in (
            await peer.call("list_images"),
            await peer.call("get_image", image=f"img_{'a' * 26}"),
            await peer.read("image://list"),
            await peer.read(f"image://img_{'a' * 26}/view"),
        ):
            error = answer.error.get("data") or answer.error
            assert set(error) == {"code", "message", "retry", "hint"}
            assert (error["code"], error["retry"]) == ("internal", "later")
            assert error["message"].startswith("Internal error (inc_")
            assert MARK not in answer.body
            assert "RuntimeError" not in answer.body
