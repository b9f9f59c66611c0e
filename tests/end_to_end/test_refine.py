"""Refining through the whole house: a vendor that goes on by itself, and one that is told."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.books import disagreements, rows
from tests.end_to_end.service import MEMBER, OWNER, STRANGER, Mode, Service, configured, running
from tests.end_to_end.wire import Peer
from tests.fakes import gemini, openai_images
from tests.fakes.gemini import MODEL, SIGNATURE, FakeGemini
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.openai_responses import FakeResponses

ACL = f"""
[subjects."{OWNER}"]
scopes = ["*", "spend:unattended"]
budget = {{ per_call = "5", day = "50" }}
[subjects."{STRANGER}"]
scopes = ["*", "spend:relayed"]
budget = {{ day = "5" }}
[subjects."{MEMBER}"]
scopes = ["read"]
"""

Vendors = tuple[FakeGemini, FakeOpenAI, FakeResponses]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    service: Service
    google: FakeGemini
    openai: FakeOpenAI
    responses: FakeResponses
    state: Path


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    with FakeGemini() as google, FakeOpenAI() as openai, FakeResponses() as responses:
        yield google, openai, responses


@pytest.fixture
async def studio(
    tmp_path: Path, vendors: tuple[FakeGemini, FakeOpenAI, FakeResponses]
) -> AsyncIterator[House]:
    google, openai, responses = vendors
    state = tmp_path / "state"
    settings, tokens = configured(
        state,
        ACL,
        providers__google={
            "kind": "gemini",
            "discover": False,
            "api_key": gemini.KEY,
            "base_url": google.origin,
            "models": [{"id": MODEL}],
        },
        providers__thinker={
            "kind": "openai_responses",
            "discover": False,
            "api_key": openai_images.KEY,
            "base_url": responses.base_url,
            "text_model": "gpt-5.6-luna",
            "text_in": "1.25",
            "text_out": "10",
            "store": True,
            "models": [{"id": "gpt-image-2"}],
        },
        providers__openai={
            "kind": "openai",
            "discover": False,
            "api_key": openai_images.KEY,
            "base_url": openai.base_url,
            "models": [{"id": "gpt-image-2"}],
        },
    )
    async with running(settings, tokens) as service:
        yield House(service=service, google=google, openai=openai, responses=responses, state=state)
    assert disagreements(state) == []


async def made(peer: Peer, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await peer.call(tool, **arguments)
    found: dict[str, Any] = answer.result["structuredContent"]
    assert found.get("state") == "succeeded", answer.body
    assert SIGNATURE not in answer.body
    return found


async def test_gemini_goes_on_from_its_own_picture(studio: House, mode: Mode) -> None:
    async with studio.service.http() as http:
        peer = Peer(http, mode)
        first = await made(peer, "generate_image", prompt="a fox", provider="google")
        image = first["images"][0]["id"]
        refined = await made(peer, "refine_image", prompt="in snow", image=f"image://{image}/view")
        listed = await peer.call("list_conversations")
        seen = [
            await peer.call("get_job", job=refined["job"]),
            await peer.call("get_image", image=image),
            await peer.read(f"image://{image}/metadata"),
            await peer.call("list_jobs"),
            listed,
        ]
    assert (refined["provider"], refined["model"]) == ("google", MODEL)
    assert refined["reason"] == "it made the image"
    assert "warnings" not in refined
    turns = studio.google.received[1].values["contents"]
    assert [turn["role"] for turn in turns] == ["user", "model", "user"]
    assert turns[0]["parts"] == [{"text": "a fox"}]
    assert turns[1]["parts"][0]["thoughtSignature"] == SIGNATURE
    assert turns[2]["parts"] == [{"text": "in snow"}]
    assert not studio.openai.received
    (conversation,) = listed.result["structuredContent"]["conversations"]
    assert conversation["conversation"] == refined["conversation"]
    assert (conversation["turns"], conversation["prompt"]) == (2, "a fox")
    assert conversation["image"] == refined["images"][0]["id"]
    assert not [answer for answer in seen if SIGNATURE in answer.body]
    for file in studio.state.rglob("*.json"):
        assert SIGNATURE not in file.read_text()
    left = rows(studio.state, "SELECT continuation FROM turns")
    assert all(SIGNATURE in row["continuation"] for row in left)


async def test_the_responses_api_goes_on_from_the_response_before(
    studio: House, mode: Mode
) -> None:
    async with studio.service.http() as http:
        peer = Peer(http, mode)
        first = await made(peer, "generate_image", prompt="a fox", provider="thinker")
        image = first["images"][0]["id"]
        refined = await made(peer, "refine_image", prompt="in snow", image=image)
        listed = await peer.call("get_job", job=refined["job"])
    assert (refined["provider"], refined["reason"]) == ("thinker", "it made the image")
    received = studio.responses.received[1].values
    assert received["previous_response_id"] == "resp_fake_1"
    assert "a fox" not in json.dumps(received)
    assert "resp_fake_1" not in listed.body


async def test_another_vendor_is_told_the_earlier_prompts(studio: House, mode: Mode) -> None:
    async with studio.service.http() as http:
        peer = Peer(http, mode)
        first = await made(peer, "generate_image", prompt="a fox", provider="google")
        image = first["images"][0]["id"]
        second = await made(peer, "refine_image", prompt="in snow", image=image)
        third = await made(
            peer,
            "refine_image",
            prompt="at night",
            image=second["images"][0]["id"],
            provider="openai",
        )
        again = await made(
            peer,
            "refine_image",
            prompt="at night",
            image=second["images"][0]["id"],
            provider="openai",
        )
    (sent,) = studio.openai.received
    assert sent.values["prompt"] == "Earlier: a fox\nEarlier: in snow\nNow: at night"
    assert third["conversation"] == second["conversation"]
    assert third["warnings"][0] == (
        "gpt-image-2 is told the 2 earlier prompts of the conversation in words."
    )
    assert again["repeated"]
    assert again["job"] == third["job"]


async def test_a_paid_refinement_takes_consent_like_any_ask(studio: House, mode: Mode) -> None:
    async with studio.service.http(STRANGER) as http:
        peer = Peer(http, mode)
        drawn = await made(peer, "generate_image", prompt="a fox", provider="placeholder")
        image = drawn["images"][0]["id"]
        ask = {"prompt": "in snow", "image": image, "provider": "openai"}
        refused = await peer.call("refine_image", **ask)
        assert refused.error["code"] == "confirmation_required"
        assert not studio.openai.received
        quote = refused.error["details"]["quote"]
        other = await peer.call("refine_image", **{**ask, "prompt": "in rain"}, confirm=quote)
        assert other.error["code"] == "confirmation_invalid"
        paid = await made(peer, "refine_image", **ask, confirm=quote)
        assert paid["quote"] == quote


async def test_cleared_is_forgotten_and_the_images_stay(studio: House, mode: Mode) -> None:
    async with studio.service.http() as http, studio.service.http(STRANGER) as theirs:
        peer, stranger = Peer(http, mode), Peer(theirs, mode)
        first = await made(peer, "generate_image", prompt="a fox", provider="google")
        image = first["images"][0]["id"]
        second = await made(peer, "refine_image", prompt="in snow", image=image)
        conversation = second["conversation"]
        about = await stranger.call("clear_conversation", conversation=conversation)
        never = await stranger.call("clear_conversation", conversation="cnv_never")
        assert about.error == never.error
        assert about.error["code"] == "not_found"
        cleared = await peer.call("clear_conversation", conversation=conversation)
        assert cleared.result["structuredContent"] == {"conversation": conversation, "turns": 2}
        third = await made(peer, "refine_image", prompt="at night", image=second["images"][0]["id"])
    assert rows(studio.state, "SELECT action FROM audit WHERE action = 'clear'")
    assert third["conversation"] != conversation
    (turn,) = studio.google.received[2].values["contents"]
    assert turn["parts"][0] == {"text": "Earlier: in snow\nNow: at night"}
    assert len(rows(studio.state, "SELECT id FROM images")) == 3


async def test_what_is_not_ones_own_image_is_refused(studio: House, mode: Mode) -> None:
    async with studio.service.http() as http:
        peer = Peer(http, mode)
        for image in ("img_never", "https://example.com/a.png", "job_x", ""):
            refused = await peer.call("refine_image", prompt="x", image=image)
            assert refused.error["code"] == "not_found", refused.body
