"""Asks that name no provider: where they go, why, and who takes them where one does not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.service import OWNER, STRANGER, Mode, configured, running
from tests.end_to_end.wire import Peer
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.vendor import Reply

ACL = f"""
[subjects."{OWNER}"]
scopes = ["*", "spend:unattended"]
budget = {{ per_call = "1", day = "5" }}
[subjects."{STRANGER}"]
scopes = ["*", "spend"]
budget = {{ day = "5" }}
"""


def entry(name: str, price: str, *kinds: str) -> dict[str, object]:
    return {
        "id": name,
        "sizes": {"listed": ["64x64"]},
        "price": {"per": "image", "prices": {"*": price}},
        "profile": {"strengths": ["x"], "grammar": "y", "kinds": list(kinds or ("none",))},
    }


@pytest.fixture
def vendors() -> Iterator[tuple[FakeOpenAI, FakeOpenAI]]:
    with FakeOpenAI() as dear, FakeOpenAI() as cheap:
        yield dear, cheap


def routed(state: Path, vendors: tuple[FakeOpenAI, FakeOpenAI], **more: Any) -> Any:
    dear, cheap = vendors
    found: dict[str, Any] = {"discover": False, "kind": "openai", "api_key": KEY}
    return configured(
        state,
        ACL,
        (OWNER, STRANGER),
        providers__dear={
            **found,
            "base_url": dear.base_url,
            "models": [entry("d", "0.04", "photo")],
        },
        providers__cheap={**found, "base_url": cheap.base_url, "models": [entry("c", "0.01")]},
        **more,
    )


async def test_the_result_says_why(
    tmp_path: Path, mode: Mode, vendors: tuple[FakeOpenAI, FakeOpenAI]
) -> None:
    settings, tokens = routed(tmp_path / "state", vendors)
    async with running(settings, tokens) as service, service.http() as http:
        peer = Peer(http, mode)
        answers = [
            await peer.call("generate_image", prompt=prompt)
            for prompt in ("a hill", "a photo of a hill", "a placeholder of a hill")
        ]
        named = await peer.call("generate_image", prompt="a named hill", provider="dear")
    found = [answer.result["structuredContent"] for answer in answers]
    assert [(each["provider"], each["reason"]) for each in found] == [
        ("cheap", "it has the lowest price ceiling"),
        ("dear", "the rule photo wants it for the word photo"),
        ("placeholder", "the rule test wants it for the word placeholder"),
    ]
    assert "reason" not in named.result["structuredContent"]


async def test_one_that_refuses_its_key_is_stood_in_for(
    tmp_path: Path, mode: Mode, vendors: tuple[FakeOpenAI, FakeOpenAI]
) -> None:
    dear, cheap = vendors
    dear.replies.extend([Reply(status=401, body=b"{}")] * 3)
    settings, tokens = routed(tmp_path / "state", vendors, default_provider="dear")
    async with running(settings, tokens) as service, service.http() as http:
        peer = Peer(http, mode)
        answer = await peer.call("generate_image", prompt="a hill")
        usage = await peer.call("get_usage")
    found = answer.result["structuredContent"]
    assert found["state"] == "succeeded"
    assert (found["provider"], found["model"], found["instead_of"]) == ("cheap", "c", "dear / d")
    assert found["cost_usd"] == "0.01"
    assert "for dear / d did not take it" in answer.body
    assert len(cheap.received) == 1
    spent = {each["settled_usd"] for each in usage.result["structuredContent"]["allowances"]}
    assert spent == {"0.01"}


async def test_a_question_names_who_may_stand_in(
    tmp_path: Path, mode: Mode, vendors: tuple[FakeOpenAI, FakeOpenAI]
) -> None:
    settings, tokens = routed(tmp_path / "state", vendors, default_provider="dear")
    async with running(settings, tokens) as service, service.http(STRANGER) as http:
        peer = Peer(http, mode)
        asked = await peer.call("generate_image", prompt="a hill")
        priced = await peer.call("estimate_cost", prompt="a hill")
    assert "dear / d (or, if that fails, cheap / c): 1 image" in asked.error["message"]
    assert asked.error["details"]["fallbacks"] == ["cheap / c"]
    assert priced.result["structuredContent"]["fallbacks"] == ["cheap / c"]
    assert not vendors[0].received
