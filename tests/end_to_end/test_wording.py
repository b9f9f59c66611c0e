"""The operator's words and defaults, as callers meet them."""

from pathlib import Path
from typing import Any

from tests.end_to_end.service import Mode, configured, running
from tests.end_to_end.wire import Peer
from tests.fakes.openai_images import KEY, FakeOpenAI

MODEL = {
    "id": "sketch",
    "sizes": {"listed": ["64x64", "96x64"]},
    "qualities": ["low", "high"],
    "count": 4,
    "price": {"per": "image", "prices": {"*": "0"}},
}


BOTH = {"template": "house", "n": 2}


def worded(state: Path, vendor: FakeOpenAI, **more: Any) -> Any:
    return configured(
        state,
        providers__vendor__kind="openai",
        providers__vendor__base_url=vendor.base_url,
        providers__vendor__api_key=KEY,
        providers__vendor__models=[MODEL],
        default_provider="vendor",
        prefix="不改写:",
        templates={"house": "{prompt}, on white"},
        **more,
    )


async def test_the_vendor_hears_the_operators_words_and_the_caller_is_told(
    tmp_path: Path, mode: Mode
) -> None:
    with FakeOpenAI() as vendor:
        settings, tokens = worded(
            tmp_path / "state", vendor, defaults={"template": "house", "n": 2}
        )
        async with running(settings, tokens) as service, service.http() as http:
            peer = Peer(http, mode)
            usual = await peer.call("generate_image", prompt="a hill")
            plain = await peer.call("generate_image", prompt="a hill", template="none", n=1)
            wrong = await peer.call("generate_image", prompt="a hill", template="mansion")
            listed = await peer.call("list_providers")
        heard = [received.values for received in vendor.orders]
    assert [(each["prompt"], each["n"]) for each in heard] == [
        ("不改写:a hill, on white", 2),
        ("不改写:a hill", 1),
    ]
    found = usual.result["structuredContent"]
    assert found["warnings"] == ["The prompt stands in the template house."]
    assert len(found["images"]) == 2
    assert "warnings" not in plain.result["structuredContent"]
    assert wrong.error["code"] == "unsupported"
    assert wrong.error["hint"] == "Templates are: house, none."
    offered = listed.result["structuredContent"]["providers"]
    assert [each.get("templates") for each in offered if each["name"] == "vendor"] == [["house"]]


async def test_without_templates_there_is_no_such_argument(tmp_path: Path, mode: Mode) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service, service.client(mode=mode) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    assert "template" not in tools["generate_image"].input_schema["properties"]


async def test_the_same_ask_with_and_without_a_default_named_is_two_asks(
    tmp_path: Path, mode: Mode
) -> None:
    with FakeOpenAI() as vendor:
        settings, tokens = worded(tmp_path / "state", vendor, defaults={"quality": "low"})
        async with running(settings, tokens) as service, service.http() as http:
            peer = Peer(http, mode)
            for quality in ({}, {"quality": "auto"}, {"quality": "high"}, {"n": 1}):
                await peer.call("generate_image", prompt="a hill", **quality)
        heard = [received.values["quality"] for received in vendor.orders]
    assert heard == ["low", "high"]
