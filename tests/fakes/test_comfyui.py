"""The fake server against what a real one said, frame by frame and refusal by refusal."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from imagewright.adapters.web.client import Call, Client, Endpoint
from imagewright.adapters.web.socket import Sockets
from imagewright.core.secret import Secret
from tests.fakes.comfyui import KEY, RECORDED, FakeComfyUI, told

ID = "9d2c3a52-6f0e-4c0f-9f1b-3f1f7f1c0a11"
GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 48, "batch_size": 2}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
}


@pytest.fixture
def vendor() -> Iterator[FakeComfyUI]:
    with FakeComfyUI() as vendor:
        yield vendor


def endpoint(vendor: FakeComfyUI) -> Endpoint:
    return Endpoint(base_url=vendor.origin, headers={"Authorization": Secret(f"Bearer {KEY}")})


async def asked(vendor: FakeComfyUI, path: str, **call: Any) -> tuple[int, Any]:
    client = Client(endpoint(vendor))
    answer = await client.send(Call(**{"path": path, "limit": 1_000_000, **call}), 5)
    await client.close()
    return answer.status, json.loads(answer.body)


async def post(vendor: FakeComfyUI, graph: object) -> tuple[int, Any]:
    body = {"prompt": graph, "client_id": "c", "prompt_id": ID}
    return await asked(vendor, "prompt", json=body)


@pytest.mark.parametrize("story", list(RECORDED["runs"]))
async def test_it_says_what_was_recorded(vendor: FakeComfyUI, story: str) -> None:
    vendor.story = story
    expected = list(told(story, ID))
    async with Sockets(endpoint(vendor)).open("ws", {"clientId": "c"}, 1_000_000) as socket:
        await asyncio.sleep(0.05)
        status, answer = await post(vendor, GRAPH)
        frames = [await socket.receive() for _ in expected]
    recorded = RECORDED["accepted"]["body"]
    assert (status, set(answer), answer["prompt_id"]) == (200, set(recorded), ID)
    assert frames == expected
    kinds = [json.loads(each)["type"] for each in frames if isinstance(each, str)]
    assert kinds == [each["type"] for each in RECORDED["runs"][story]["frames"] if "type" in each]


@pytest.mark.parametrize("story", ["plain", "failed", "interrupted"])
async def test_its_history_has_the_recorded_shape(vendor: FakeComfyUI, story: str) -> None:
    vendor.story = story
    assert await asked(vendor, f"history/{ID}", method="GET") == (200, {})
    await post(vendor, GRAPH)
    async with asyncio.timeout(5):
        while not (entry := (await asked(vendor, f"history/{ID}", method="GET"))[1].get(ID)):
            pass
    recorded = RECORDED["runs"][story]["history"]
    assert set(entry) == set(recorded["keys"])
    assert entry["status"]["status_str"] == recorded["status"]["status_str"]
    kinds = [message[0] for message in entry["status"]["messages"]]
    assert kinds == [message[0] for message in recorded["status"]["messages"]]
    if story == "plain":
        ours, theirs = (each["outputs"]["2"]["images"] for each in (entry, recorded))
        assert [set(each) for each in ours] == [set(each) for each in theirs]


@pytest.mark.parametrize(
    ("graph", "refusal"),
    [
        ({"1": {"class_type": "Nope", "inputs": {}}}, "unknown_node"),
        ({"1": {**GRAPH["1"], "inputs": {**GRAPH["1"]["inputs"], "width": -5}}}, "bad_value"),
        ({"2": {**GRAPH["2"], "inputs": {"filename_prefix": "t"}}}, "missing_input"),
        ({"1": GRAPH["1"]}, "no_output"),
    ],
)
async def test_its_refusals_have_the_recorded_shape(
    vendor: FakeComfyUI, graph: object, refusal: str
) -> None:
    status, answer = await post(vendor, graph)
    recorded = RECORDED["refusals"][refusal]
    assert status == recorded["status"] == 400
    assert answer["error"]["type"] == recorded["body"]["error"]["type"]
    assert shape(answer["node_errors"]) == shape(recorded["body"]["node_errors"])


def shape(errors: Any) -> Any:
    return [
        (each["errors"][0]["type"], each["errors"][0]["extra_info"]["input_name"])
        for each in errors.values()
    ]
