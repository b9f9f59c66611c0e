"""Jobs: answered at once, followed, shared out, cancelled, and never lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastmcp import Client

from imagewright.app.parts import parts_of
from imagewright.ports.jobs import Jobs
from tests.end_to_end.books import disagreements, jobs
from tests.end_to_end.money import (
    ACL,
    CAST,
    HUMAN,
    OTHER,
    ROBOT,
    Answer,
    Paid,
    ask,
    call,
    code,
    day,
    generate,
    paid,
)
from tests.end_to_end.service import Mode, configured, running
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way

pytestmark = pytest.mark.asyncio(loop_scope="module")
DELAY = 0.8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        state = tmp_path_factory.mktemp("jobs") / "state"
        slow: dict[str, Any] = {"providers__placeholder__delay": DELAY}
        async with paid(state, vendor, limits__wait=1, **slow) as found:
            yield found


@pytest_asyncio.fixture(loop_scope="module")
async def road(shared: Paid) -> AsyncIterator[Paid]:
    shared.vendor.forget()
    yield shared
    assert disagreements(shared.state) == []


def draw(**more: Any) -> Answer:
    return {
        "prompt": ask()["prompt"],
        "provider": "placeholder",
        "model": "placeholder",
        "size": "64x64",
        **more,
    }


async def follow(client: Client[Any], job: str, wait: int = 30) -> Answer:
    return await call(client, "get_job", {"job": job, "wait": wait})


async def test_no_wait_answers_with_the_job_within_a_second(road: Paid, mode: Mode) -> None:
    async with road.client(HUMAN, mode) as client:
        began = time.monotonic()
        asked = await generate(client, draw(wait=0))
        assert time.monotonic() - began < 1
        assert asked["state"] in {"queued", "running"}
        assert not asked["is_error"]
        assert (await follow(client, asked["job"]))["state"] == "succeeded"


async def test_the_default_wait_ends_with_the_job_as_it_stands(road: Paid, mode: Mode) -> None:
    async with road.client(HUMAN, mode) as client:
        began = time.monotonic()
        asked = await generate(client, draw(n=2))
        assert 0.9 < time.monotonic() - began < 2
        assert asked["state"] == "running"
        assert "Call get_job" in asked["content"][0].text
        ended = await follow(client, asked["job"])
    assert (ended["state"], len(ended["images"])) == ("succeeded", 2)


async def test_progress_rises_and_partials_are_shown(road: Paid, mode: Mode) -> None:
    told: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message or ""))

    async with road.client(HUMAN, mode) as client:
        asked = await generate(client, draw(n=2, partial_images=2, wait=0))
        following = asyncio.create_task(
            client.call_tool(
                "get_job", {"job": asked["job"], "wait": 30}, progress_handler=progress
            )
        )
        seen = await _until_partial(client, asked["job"])
        ended = await following
    assert [block.mime_type for block in seen["content"] if block.type == "image"] == ["image/webp"]
    assert ended.structured_content is not None
    assert ended.structured_content["state"] == "succeeded"
    values = [value for value, _, _ in told]
    assert values == sorted(set(values))
    assert all(total is None or value <= total for value, total, _ in told)
    words = " ".join(message for _, _, message in told)
    assert all(f"partial image {number}" in words for number in (1, 2, 3, 4))
    assert "Drawing" in words


async def _until_partial(client: Client[Any], job: str) -> Answer:
    for _ in range(100):
        seen = await follow(client, job, 0)
        if any(block.type == "image" for block in seen["content"]):
            assert seen["state"] == "running"
            return seen
        await asyncio.sleep(0.05)
    raise AssertionError("no partial was shown")


class Counted:
    """The real jobs; it counts how often one is read."""

    def __init__(self, real: Jobs) -> None:
        self._real = real
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def get(self, subject: str, job: str) -> Any:
        self.reads += 1
        return await self._real.get(subject, job)


async def test_a_long_wait_reads_the_job_about_once_a_second(tmp_path: Path) -> None:
    settings, tokens = configured(
        tmp_path / "state", ACL, CAST, providers__placeholder__delay=DELAY
    )
    parts = parts_of(settings)
    counted = Counted(parts.jobs)
    changed: dict[str, Any] = {"jobs": counted}
    async with (
        running(settings, tokens, parts=replace(parts, **changed)) as service,
        service.client(HUMAN) as client,
    ):
        asked = await generate(client, draw(n=4, wait=0))
        ended = await follow(client, asked["job"])
    assert ended["state"] == "succeeded"
    assert 1 <= counted.reads < 4 * DELAY * 3


async def test_a_queued_job_is_cancelled_for_nothing(road: Paid, mode: Mode) -> None:
    async with road.client(ROBOT, mode) as client:
        before = await day(client)
        road.vendor.replies.extend([Reply(way=Way.SLOW)] * 2)
        road.vendor.slow_seconds = 1.0
        running = [(await generate(client, ask(wait=0)))["job"] for _ in range(2)]
        await _until_called(road, 2)
        waiting = await generate(client, ask(wait=0))
        ended = await call(client, "cancel_job", {"job": waiting["job"]})
        assert (ended["state"], ended["cost_usd"]) == ("canceled", "0.00")
        assert not ended["is_error"]
        for job in running:
            assert (await follow(client, job))["state"] == "succeeded"
        assert (await day(client))["held_usd"] == before["held_usd"]
    assert road.vendor.calls() == 2


async def _until_called(road: Paid, calls: int) -> None:
    for _ in range(200):
        if road.vendor.calls() >= calls:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the vendor was not called")


async def test_a_running_free_job_is_cancelled(road: Paid, mode: Mode) -> None:
    async with road.client(HUMAN, mode) as client:
        asked = await generate(client, draw(n=10))
        assert asked["state"] == "running"
        ended = await call(client, "cancel_job", {"job": asked["job"]})
    assert (ended["state"], ended["images"]) == ("canceled", [])


async def test_a_running_paid_job_is_of_unknown_outcome_when_cancelled(
    road: Paid, mode: Mode
) -> None:
    road.vendor.replies.append(Reply(way=Way.HANG))
    async with road.client(ROBOT, mode) as client:
        before = await day(client)
        asked = await generate(client, ask(wait=0))
        await _until_called(road, 1)
        ended = await call(client, "cancel_job", {"job": asked["job"]})
        after = await day(client)
    assert (ended["state"], code(ended)) == ("outcome_unknown", "outcome_unknown")
    assert "cancelled after its request had been sent" in ended["error"]["message"]
    assert "stays held" in ended["error"]["hint"]
    held = float(after["held_usd"]) - float(before["held_usd"])
    assert held == pytest.approx(float(asked["ceiling_usd"]))


async def test_a_client_that_leaves_loses_nothing(road: Paid, mode: Mode) -> None:
    async with road.client(HUMAN, mode) as client:
        arguments = draw(wait=30)
        calling = asyncio.create_task(generate(client, arguments))
        await asyncio.sleep(0.4)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    async with road.client(HUMAN, mode) as client:
        again = await generate(client, {**arguments, "wait": 30})
    assert again["repeated"]
    assert (again["state"], len(again["images"])) == ("succeeded", 1)


async def test_one_subjects_queue_does_not_starve_another(road: Paid) -> None:
    async with road.client(HUMAN) as busy, road.client(OTHER) as other:
        many = [(await generate(busy, draw(wait=0)))["job"] for _ in range(8)]
        began = time.monotonic()
        asked = await generate(other, draw(wait=30))
        assert asked["state"] == "succeeded"
        assert time.monotonic() - began < DELAY * 2
        states = [(await follow(busy, job, 0))["state"] for job in many]
        assert states.count("succeeded") <= 4
        for job in many:
            assert (await follow(busy, job))["state"] == "succeeded"


async def test_the_ninth_that_waits_is_told_to_come_back(road: Paid, mode: Mode) -> None:
    async with road.client(HUMAN, mode) as client:
        taken = [await generate(client, draw(n=3, wait=0)) for _ in range(2)]
        for job in taken:
            await _until_running(client, job["job"])
        waiting = [await generate(client, draw(wait=0)) for _ in range(8)]
        assert {each["state"] for each in waiting} == {"queued"}
        ninth = await generate(client, draw(wait=0))
        assert code(ninth) == "busy"
        assert ninth["error"]["details"]["retry_after"] > 0
        for each in [*waiting, *taken]:
            await call(client, "cancel_job", {"job": each["job"]})


async def _until_running(client: Client[Any], job: str) -> None:
    for _ in range(100):
        if (await follow(client, job, 0))["state"] == "running":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the job does not run")


REVOKED = {
    "the subject": ACL.replace(f'[subjects."{ROBOT}"]', '[subjects."service:gone"]'),
    "spending": ACL.replace('"spend:unattended"]', '"read"]'),
    "unattended spending": ACL.replace('"spend:unattended"]', '"spend"]'),
    "the provider": ACL + 'providers = ["placeholder"]\n',
    "the model": ACL + 'models = ["placeholder"]\n',
    "its size": ACL + "max = { pixels = 1000 }\n",
}


@pytest.mark.parametrize("acl", REVOKED.values(), ids=REVOKED)
async def test_what_was_taken_back_before_a_job_began_spends_nothing(road: Paid, acl: str) -> None:
    file = road.state / "acl.toml"
    road.vendor.replies.extend([Reply(way=Way.SLOW)] * 2)
    road.vendor.slow_seconds = 0.6
    try:
        async with road.client(ROBOT) as client:
            for _ in range(2):
                await generate(client, ask(wait=0))
            await _until_called(road, 2)
            waiting = await generate(client, ask(wait=0))
        file.write_text(acl)
        road.service.app.refresh(force=True)
        await _until_ended(road, waiting["job"])
    finally:
        file.write_text(ACL)
        road.service.app.refresh(force=True)
    row = jobs(road.state)[waiting["job"]]
    assert (row["state"], row["error_code"], row["actual"]) == ("failed", "forbidden", 0)
    assert road.vendor.calls() == 2


async def test_a_revoked_token_spends_nothing_either(road: Paid) -> None:
    tokens = road.state / "tokens.toml"
    before = tokens.read_text()
    road.vendor.replies.extend([Reply(way=Way.SLOW)] * 2)
    road.vendor.slow_seconds = 0.6
    try:
        async with road.client(ROBOT) as client:
            for _ in range(2):
                await generate(client, ask(wait=0))
            await _until_called(road, 2)
            waiting = await generate(client, ask(wait=0))
        tokens.write_text(before.replace("tok_3", "tok_other"))
        road.service.app.refresh(force=True)
        await _until_ended(road, waiting["job"])
    finally:
        tokens.write_text(before)
        road.service.app.refresh(force=True)
    row = jobs(road.state)[waiting["job"]]
    assert (row["state"], row["error_code"]) == ("failed", "forbidden")
    assert road.vendor.calls() == 2


async def _until_ended(road: Paid, job: str) -> None:
    for _ in range(200):
        states = {row["state"] for row in jobs(road.state).values()}
        if jobs(road.state)[job]["state"] != "queued" and not states & {"queued", "running"}:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the job did not end")
