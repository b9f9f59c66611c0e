"""Batches through the whole house, with a vendor that counts."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastmcp.client.elicitation import ElicitResult
from jsonschema import Draft202012Validator

from tests.end_to_end.books import disagreements, rows
from tests.end_to_end.service import MEMBER, OWNER, STRANGER, Mode, Service, configured, running
from tests.end_to_end.wire import Peer
from tests.fakes.openai_images import KEY, FakeOpenAI, moderation

ACL = f"""
[subjects."{OWNER}"]
scopes = ["*", "spend:unattended"]
budget = {{ per_call = "1", day = "0.30" }}
[subjects."{STRANGER}"]
scopes = ["*", "spend:relayed"]
budget = {{ day = "5" }}
[subjects."{MEMBER}"]
scopes = ["*"]
budget = {{ day = "5" }}
"""
MODEL = {
    "id": "d",
    "sizes": {"listed": ["64x64"]},
    "count": 4,
    "references": 4,
    "price": {"per": "image", "prices": {"*": "0.04"}},
}
SLOW = {
    "id": "slow",
    "sizes": {"listed": ["64x64"]},
    "price": {
        "per": "token",
        "text_in": "0",
        "image_in": "0",
        "image_out": "30",
        "table": {"high/64x64": 1000},
        "economy": {"hours": 24, "text_in": "0", "image_in": "0", "image_out": "15"},
    },
}
PAID = {"provider": "paint", "model": "d"}
FREE = {"provider": "placeholder", "size": "64x64"}


WRONG: tuple[dict[str, Any], ...] = (
    {},
    {"items": []},
    {"prompt": "x"},
    {"images": ["img_x"]},
    {"items": [{"prompt": "x"}], "prompt": "x", "images": ["img_x"]},
    {"items": [{"prompt": "x"}] * 101},
    {"items": ["x"]},
    {"prompt": "x", "images": []},
)
"""Arguments that are no batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    service: Service
    vendor: FakeOpenAI
    state: Path


@pytest.fixture
def vendor() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as found:
        yield found


@pytest.fixture
async def plant(tmp_path: Path, vendor: FakeOpenAI) -> AsyncIterator[Plant]:
    state = tmp_path / "state"
    settings, tokens = configured(
        state,
        ACL,
        providers__paint={
            "kind": "openai",
            "discover": False,
            "api_key": KEY,
            "base_url": vendor.base_url,
            "models": [MODEL, SLOW],
        },
    )
    async with running(settings, tokens) as service:
        yield Plant(service=service, vendor=vendor, state=state)
    assert disagreements(state) == []


async def did(peer: Peer, **arguments: Any) -> dict[str, Any]:
    answer = await peer.call("batch", **arguments)
    found: dict[str, Any] = answer.result["structuredContent"]
    assert "error" not in found, answer.body
    return found


async def test_items_are_jobs_of_one_group_with_an_outcome_each(plant: Plant, mode: Mode) -> None:
    plant.vendor.replies.append(moderation())
    items = [
        {"prompt": "a fox", **PAID},
        {"prompt": "a badger", **PAID},
        {"prompt": "a hare", "n": 2, "tags": ["zoo"], **FREE},
        {"prompt": "a hare", "n": 2, "tags": ["zoo"], **FREE},
    ]
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        made = await did(peer, items=items)
        assert made["state"] == "succeeded"
        assert made["counts"] == {"failed": 1, "succeeded": 3}
        ((failed, code),) = made["failures"].items()
        assert code == "moderation_blocked"
        assert failed in {"0", "1"}
        images = [len(each.get("images", ())) for each in made["items"]]
        assert images == ([0, 1, 2, 2] if failed == "0" else [1, 0, 2, 2])
        assert [each.get("reused") for each in made["items"]] == [None, None, None, True]
        assert (made["cost_usd"], made["ceiling_usd"]) == ("0.04", "0.08")
        seen = await peer.call("get_job", job=made["job"])
        assert seen.result["structuredContent"] == made
        listed = (await peer.call("list_jobs")).result["structuredContent"]["jobs"]
        assert {each["group"] for each in listed} == {made["job"]}
        assert len(listed) == 3
        found = await peer.call("list_images", tag="zoo")
        assert found.result["structuredContent"]["total"] == 2
        again = await did(peer, items=items)
        assert again["job"] != made["job"]
        assert [each.get("reused", False) for each in again["items"]].count(False) == 1
        third = await did(peer, items=items)
        assert (third["job"], third["repeated"]) == (again["job"], True)
    assert len(plant.vendor.received) == 3


async def test_one_prompt_over_many_images(plant: Plant, mode: Mode) -> None:
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        drawn = await did(peer, items=[{"prompt": f"{n}", **FREE} for n in range(3)])
        images = [each["images"][0] for each in drawn["items"]]
        made = await did(peer, prompt="in winter", images=images, wait=30)
        parents = []
        for each in made["items"]:
            answer = await peer.call("get_image", image=each["images"][0])
            shape = answer.result["structuredContent"]
            assert (shape["prompt"], shape["origin"]) == ("in winter", "edited")
            parents += [parent["image"] for parent in shape["parents"]]
    assert parents == images


async def test_one_question_for_all_and_one_consent(plant: Plant, mode: Mode) -> None:
    items = [{"prompt": f"fox {n}", **PAID} for n in range(3)]
    asked: list[str] = []

    async def yes(message: str, *_: object) -> ElicitResult[dict[str, bool]]:
        asked.append(message)
        return ElicitResult(action="accept", content={"spend": True, "value": True})

    client = plant.service.client(MEMBER, mode, elicitation_handler=yes)
    async with client:
        (tool,) = [each for each in await client.list_tools() if each.name == "batch"]
        answer = await client.call_tool("batch", {"items": items})
    assert tool.output_schema is not None
    Draft202012Validator(tool.output_schema).validate(answer.structured_content)
    assert (answer.structured_content or {})["counts"] == {"succeeded": 3}
    assert len(asked) == 1
    assert asked[0].startswith(
        "A batch of 3, of which 3 cost: paint / d: 3 images, 64x64, at most $0.12. Spend this?"
    )
    quotes = rows(plant.state, "SELECT id, closed_at, job FROM quotes")
    assert [row["job"][:4] for row in quotes] == ["grp_"]
    assert {row["quote"] for row in rows(plant.state, "SELECT quote FROM ledger")} == {
        quotes[0]["id"]
    }


async def test_a_client_that_cannot_be_asked_gets_the_quote(plant: Plant, mode: Mode) -> None:
    items = [{"prompt": f"fox {n}", **PAID} for n in range(2)]
    async with plant.service.http(STRANGER) as http:
        peer = Peer(http, mode)
        refused = await peer.call("batch", items=items)
        assert refused.error["code"] == "confirmation_required"
        assert refused.error["details"]["ceiling_usd"] == "0.08"
        quote = refused.error["details"]["quote"]
        turned = await peer.call("batch", items=items[::-1], confirm=quote)
        assert turned.error["code"] == "confirmation_invalid"
        assert not plant.vendor.received
        made = await did(peer, items=items, confirm=quote)
        assert (made["quote"], made["counts"]) == (quote, {"succeeded": 2})


async def test_a_budget_takes_all_of_it_or_none(plant: Plant, mode: Mode) -> None:
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        refused = await peer.call("batch", items=[{"prompt": f"{n}", **PAID} for n in range(8)])
        assert refused.error["code"] == "budget_exceeded"
        assert "resets_at" in refused.error["details"]
        assert not rows(plant.state, "SELECT id FROM jobs")
        assert not plant.vendor.received
        made = await did(peer, items=[{"prompt": f"{n}", **PAID} for n in range(7)])
        assert made["cost_usd"] == "0.28"


async def test_every_bad_item_is_named_and_nothing_begins(plant: Plant, mode: Mode) -> None:
    items: list[dict[str, Any]] = [
        {"prompt": "good"},
        {"prompt": "x", "n": "2"},
        {"prompt": "x", "colour": "red"},
        {"prompt": "x", "wait": 1},
        {},
        {"prompt": "x", "images": []},
    ]
    async with plant.service.http() as http:
        peer = Peer(http, mode)

        async def codes(items: list[dict[str, Any]]) -> dict[str, str]:
            refused = await peer.call("batch", items=items)
            assert refused.error["code"] == "invalid_request", refused.body
            details = refused.error["details"]["items"]
            return {place: each["code"] for place, each in details.items()}

        assert await codes(items) == {str(n): "invalid_request" for n in range(1, 6)}
        assert await codes([{"prompt": "x", "provider": "never"}, {"prompt": "x"}]) == {
            "0": "unknown_provider"
        }
        never = {"prompt": "x", "images": ["img_never"]}
        assert await codes([{"prompt": "x"}, never]) == {"1": "invalid_request"}
        gone = {"prompt": "x", "images": [f"img_{'a' * 26}"]}
        assert await codes([{"prompt": "x"}, gone]) == {"1": "not_found"}
    assert not rows(plant.state, "SELECT id FROM jobs")


async def test_arguments_that_are_no_batch_are_refused(plant: Plant, mode: Mode) -> None:
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        for wrong in WRONG:
            refused = await peer.call("batch", **wrong)
            assert refused.error["code"] == "invalid_request", refused.body
            assert refused.error["hint"]
    assert not rows(plant.state, "SELECT id FROM jobs")


async def priced(peer: Peer, **arguments: Any) -> dict[str, Any]:
    answer = await peer.call("estimate_cost", **arguments)
    found: dict[str, Any] = answer.result["structuredContent"]
    assert "error" not in found, answer.body
    return found


async def test_a_batch_is_priced_as_it_is_asked_for(plant: Plant, mode: Mode) -> None:
    async with plant.service.http(STRANGER) as http:
        peer = Peer(http, mode)
        drawn = await did(peer, items=[{"prompt": "a hare", **FREE}])
        image = drawn["items"][0]["images"][0]
        items: list[dict[str, Any]] = [
            {"prompt": "a fox", "n": 2, **PAID},
            {"prompt": "a hare", "tags": ["zoo"], **FREE},
            {"prompt": "in snow", "images": [image], "folder": "zoo", **PAID},
            {"prompt": "at night", "image": image, **PAID},
            {"prompt": "a fox", "n": 2, **PAID},
        ]
        jobs = rows(plant.state, "SELECT id FROM jobs")
        found = await priced(peer, items=items)
        assert rows(plant.state, "SELECT id FROM jobs") == jobs
        assert not rows(plant.state, "SELECT id FROM quotes")
        asked = await peer.call("batch", items=items)
    assert not plant.vendor.received
    ceilings = [each["ceiling_usd"] for each in found["items"]]
    assert ceilings == ["0.08", "0.00", "0.04", "0.04", "0.00"]
    assert [each.get("same_as") for each in found["items"]] == [None, None, None, None, 0]
    assert [each["n"] for each in found["items"]] == [2, 1, 1, 1, 2]
    assert (found["provider"], found["n"]) == ("paint, placeholder", 5)
    assert (found["ceiling_usd"], found["paid"], found["consent"]) == (
        *(asked.error["details"]["ceiling_usd"], True),
        ["client", "echo", "human"],
    )
    (told,) = found["items"][3]["warnings"]
    assert "a hare" not in told


async def test_what_cannot_be_priced_is_refused(plant: Plant, mode: Mode) -> None:
    image = f"img_{'a' * 26}"
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"items": []},
        {"items": [{"prompt": "x"}], "prompt": "x"},
        {"items": [{"prompt": "x"}], "images": [image]},
        {"items": [{"prompt": "x"}] * 101},
        {"items": [{"prompt": "x", "images": ["https://example.com/x.png"]}]},
        {"items": [{"prompt": "x", "images": [image], "image": image}]},
        {"items": [{"prompt": "x", "provider": "never"}]},
        {"prompt": "x", "image": image, "images": [image]},
        {"prompt": "x", "images": ["data:image/png;base64,AAAA"]},
    )
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        for arguments in wrong:
            refused = await peer.call("estimate_cost", **arguments)
            assert refused.error["code"] == "invalid_request", refused.body
            assert refused.error["hint"]
        gone = await peer.call("estimate_cost", prompt="x", image=image)
        assert gone.error["code"] == "not_found"
        items = [{"prompt": "good"}, {"prompt": "x", "image": image}]
        named = await peer.call("estimate_cost", items=items)
    assert named.error["details"]["items"]["1"]["code"] == "not_found"


async def test_items_that_may_take_hours_are_priced_for_less(plant: Plant, mode: Mode) -> None:
    now = {"prompt": "a fox", "provider": "paint", "model": "slow"}
    async with plant.service.http() as http:
        found = await priced(Peer(http, mode), items=[now, {**now, "economy": 24}])
    assert [each["ceiling_usd"] for each in found["items"]] == ["0.03", "0.015"]
    assert found["ceiling_usd"] == "0.045"
    assert plant.vendor.received == []


async def test_items_may_go_on_from_images(plant: Plant, mode: Mode) -> None:
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        drawn = await did(peer, items=[{"prompt": "a fox", **PAID}])
        image = drawn["items"][0]["images"][0]
        single = await priced(peer, prompt="in snow", image=image)
        both = [{"prompt": each, "image": image} for each in ("in snow", "at night")]
        made = await did(peer, items=[*both, {"prompt": "a hare", **FREE}], wait=30)
        assert made["counts"] == {"succeeded": 3}
        alone = await peer.call("refine_image", prompt="in snow", image=image)
        listed = await peer.call("list_conversations")
        gone = await peer.call("batch", items=[{"prompt": "x", "image": f"img_{'a' * 26}"}])
    assert (single["ceiling_usd"], single["reason"]) == ("0.04", "it made the image")
    prompts = {each.values["prompt"] for each in plant.vendor.orders[1:]}
    assert prompts == {"Earlier: a fox\nNow: in snow", "Earlier: a fox\nNow: at night"}
    shape = alone.result["structuredContent"]
    assert (shape["job"], shape["repeated"]) == (made["items"][0]["job"], True)
    (conversation,) = listed.result["structuredContent"]["conversations"]
    assert conversation["turns"] == 3
    assert gone.error["details"]["items"]["0"]["code"] == "not_found"


async def test_a_group_is_cancelled_where_it_waits(plant: Plant, mode: Mode) -> None:
    items = [{"prompt": f"fox {n}", **PAID} for n in range(6)]
    async with plant.service.http() as http:
        peer = Peer(http, mode)
        begun = await did(peer, items=items, wait=0)
        canceled = (await peer.call("cancel_job", job=begun["job"])).result["structuredContent"]
        ended = await peer.call("get_job", job=begun["job"], wait=30)
        counts = ended.result["structuredContent"]["counts"]
    waiting = canceled["counts"].get("canceled", 0)
    assert waiting == counts["canceled"]
    assert counts["canceled"] + counts.get("succeeded", 0) == 6
    assert len(plant.vendor.received) == counts.get("succeeded", 0)
