"""The fake vendor against the vendor's own description, there being no client of the vendor's."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.bfl import KEY, FakeBFL, Task
from tests.fakes.pictures import encoded, facts, half_changed

SUBMITTED = {"id": str, "polling_url": str, "cost": float, "input_mp": None, "output_mp": float}
"""`AsyncResponse`: the first two are required, the others numbers or null."""
RESULT = {"id", "status", "result", "progress", "details"}
"""`ResultResponse`: of the fields that may be there, those that this fake has."""


@pytest.fixture(scope="module")
def running() -> Iterator[FakeBFL]:
    with FakeBFL() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeBFL) -> FakeBFL:
    running.forget()
    return running


@pytest.fixture
def client(vendor: FakeBFL) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=vendor.base_url, headers={"x-key": KEY}, trust_env=False) as client:
        yield client


def submit(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/flux-2-pro", json={"prompt": "a cat", **body})


def test_a_task_is_taken_worked_at_and_ready(client: httpx.Client) -> None:
    taken = submit(client, width=128, height=64, seed=7, output_format="png").json()
    assert {name: type(value) for name, value in taken.items() if value is not None} == {
        name: kind for name, kind in SUBMITTED.items() if kind is not None
    }
    looks = [client.get(taken["polling_url"]).json() for _ in range(2)]
    assert all(set(look) == RESULT for look in looks)
    assert [look["status"] for look in looks] == ["Pending", "Ready"]
    assert looks[0]["result"] is None
    assert looks[1]["result"]["seed"] == 7
    sample = httpx.get(looks[1]["result"]["sample"], trust_env=False)
    assert facts(sample.content) == ("png", 128, 64, False)


def test_what_is_not_said_is_the_vendors_own(client: httpx.Client) -> None:
    url = submit(client).json()["polling_url"]
    client.get(url)
    sample = client.get(url).json()["result"]["sample"]
    assert facts(httpx.get(sample, trust_env=False).content)[0] == "jpeg"


@pytest.mark.parametrize("status", ["Request Moderated", "Content Moderated", "Error"])
def test_a_task_ends_without_a_picture(client: httpx.Client, vendor: FakeBFL, status: str) -> None:
    vendor.replies.append(Task(looks=(status,)))
    found = submit(client).json()
    assert client.get(found["polling_url"]).json()["status"] == status


def test_a_task_that_is_not_there(client: httpx.Client) -> None:
    found = client.get("/get_result", params={"id": "nobody"})
    assert (found.status_code, found.json()["status"]) == (404, "Task not found")


def test_pictures_are_bare_base64(client: httpx.Client) -> None:
    picture = base64.b64encode(encoded()).decode()
    mask = base64.b64encode(half_changed()).decode()
    assert submit(client, input_image=picture, input_image_2=picture).status_code == 200
    assert submit(client, image=picture, mask=mask, steps=50, guidance=60).status_code == 200
    assert submit(client, input_image=f"data:image/png;base64,{picture}").status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ""},
        {"n": 2},
        {"output_format": "webp"},
        {"width": 64, "aspect_ratio": "1:1"},
        {"input_image_9": "x"},
    ],
)
def test_what_is_wrong_is_refused_in_fastapis_words(
    client: httpx.Client, wrong: dict[str, Any]
) -> None:
    found = submit(client, **wrong)
    assert (found.status_code, set(found.json())) == (422, {"detail"})


def test_a_key_is_needed(client: httpx.Client) -> None:
    client.headers["x-key"] = "wrong"
    assert submit(client).status_code == 403
    assert client.get("/credits").status_code == 403
