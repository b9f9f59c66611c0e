"""A job over plain HTTP: as JSON, and told as it goes on."""

import asyncio
import base64
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client import generate_latest

from imagewright.adapters.queue.board import InProcessBoard
from imagewright.api.http import events as framing
from imagewright.core.revocation import Target, What
from tests.end_to_end.books import disagreements, jobs
from tests.end_to_end.money import ACL, HUMAN, OTHER, ROBOT, Answer, Paid, ask, call, generate, paid
from tests.end_to_end.service import Service, configured, running
from tests.end_to_end.test_drain import serve, until_called
from tests.end_to_end.test_refusals import lines, told
from tests.end_to_end.test_revocation import Elsewhere
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.pictures import facts
from tests.fakes.vendor import VENDOR_WORDS, Reply, Way, html

pytestmark = pytest.mark.asyncio(loop_scope="module")
DELAY = 1.5
OPEN = {"queued", "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as it came, and when."""

    id: str
    name: str
    data: dict[str, Any]
    at: float


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    found: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif "event" in found:
            yield Event(
                id=found["id"],
                name=found["event"],
                data=json.loads(found["data"]),
                at=time.monotonic(),
            )
            found = {}


@asynccontextmanager
async def stream(
    base: str, token: str | None, job: str, **headers: str
) -> AsyncIterator[httpx.Response]:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with (
        httpx.AsyncClient(base_url=base, timeout=30) as http,
        http.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as answer,
    ):
        yield answer


async def followed(base: str, token: str | None, job: str, **headers: str) -> list[Event]:
    async with asyncio.timeout(20), stream(base, token, job, **headers) as answer:
        assert answer.status_code == 200
        return [each async for each in events(answer)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        state = tmp_path_factory.mktemp("events") / "state"
        slow: dict[str, Any] = {"providers__placeholder__delay": DELAY, "limits__streams": 2}
        async with paid(state, vendor, ACL, **slow) as found:
            yield found


@pytest_asyncio.fixture(loop_scope="module")
async def road(shared: Paid) -> AsyncIterator[Paid]:
    shared.vendor.forget()
    yield shared
    async with asyncio.timeout(20):
        while any(row["state"] in OPEN for row in jobs(shared.state).values()):  # noqa: ASYNC110 - the table sets no event
            await asyncio.sleep(0.05)
    assert disagreements(shared.state) == []


def draw(**more: Any) -> Answer:
    drawn = {"provider": "placeholder", "model": "placeholder", "size": "64x64", "wait": 0}
    return {"prompt": ask()["prompt"], **drawn, **more}


async def drawn(road: Paid, who: str = HUMAN, **more: Any) -> str:
    async with road.client(who) as client:
        return str((await generate(client, draw(**more)))["job"])


def of(road: Paid, who: str) -> tuple[str, str]:
    return road.service.base, road.service.tokens[who]


async def test_partials_come_as_they_arrive_and_then_the_job(road: Paid) -> None:
    road.vendor.slow_seconds = 0.8
    road.vendor.replies.append(Reply(way=Way.PACED))
    async with road.client(ROBOT) as client:
        asked = await generate(client, ask(partial_images=2, wait=0))
        seen = await followed(*of(road, ROBOT), asked["job"])
        shown = await call(client, "get_job", {"job": asked["job"]})
    assert [each.name for each in seen if each.name != "stage"] == [
        "partial",
        "partial",
        "completed",
    ]
    assert seen[0].name == "stage"
    assert [each.id for each in seen] == [*map(str, range(1, len(seen))), "end"]
    first, second = (each for each in seen if each.name == "partial")
    assert [first.data["index"], second.data["index"]] == [0, 1]
    for each in (first, second):
        assert each.data["mime"] == "image/webp"
        assert facts(base64.b64decode(each.data["data"]))[0] == "webp"
    assert second.at - first.at > 0.4
    assert seen[-1].at - second.at > 0.4
    elapsed = [each.data["elapsed_seconds"] for each in seen if each.name == "stage"]
    assert elapsed == sorted(elapsed)
    assert elapsed[0] >= 0
    async with road.service.http(ROBOT) as http:
        plain = await http.get(f"/v1/jobs/{asked['job']}")
    assert plain.json() == seen[-1].data
    assert plain.json() == {
        key: each for key, each in shown.items() if key not in {"is_error", "content"}
    }
    assert plain.headers["cache-control"] == "no-store"


async def test_steps_are_told_where_they_are_known(road: Paid) -> None:
    seen = await followed(*of(road, HUMAN), await drawn(road, n=2))
    stages = [each.data for each in seen if each.name == "stage"]
    steps = [(each["done"], each["total"]) for each in stages if "total" in each]
    assert {total for _, total in steps} <= {2}
    assert steps == sorted(steps)
    assert seen[-1].data["state"] == "succeeded"


@pytest.mark.parametrize("reply", [html(502), Reply(status=400, body=b"{}")], ids=["502", "400"])
async def test_a_job_that_fails_is_one_error(road: Paid, reply: Reply) -> None:
    road.vendor.replies.append(reply)
    async with road.client(ROBOT) as client:
        asked = await generate(client, ask(wait=0))
        seen = await followed(*of(road, ROBOT), asked["job"])
        shown = await call(client, "get_job", {"job": asked["job"]})
    assert [each.name for each in seen].count("error") == 1
    last = seen[-1]
    assert (last.name, last.id) == ("error", "end")
    assert last.data == {"job": asked["job"], "state": shown["state"], **shown["error"]}
    assert VENDOR_WORDS not in repr(seen)


async def test_a_cancelled_job_is_an_error_too(road: Paid) -> None:
    job = await drawn(road, n=4)
    async with road.client(HUMAN) as client:
        following = asyncio.create_task(followed(*of(road, HUMAN), job))
        await asyncio.sleep(0.3)
        await call(client, "cancel_job", {"job": job})
    last = (await following)[-1]
    assert (last.name, last.data["state"], last.data["code"]) == ("error", "canceled", "canceled")


async def test_who_comes_late_is_told_the_state_and_nothing_old(road: Paid) -> None:
    job = await drawn(road, n=2, partial_images=2)
    await asyncio.sleep(DELAY * 0.9)
    running_on = await followed(*of(road, HUMAN), job, **{"Last-Event-ID": "3"})
    assert [each.name for each in running_on][:2] == ["stage", "partial"]
    assert "index" not in running_on[1].data
    ended = await followed(*of(road, HUMAN), job, **{"Last-Event-ID": "1"})
    assert [each.name for each in ended] == ["completed"]
    assert ended[0].data == running_on[-1].data
    async with stream(*of(road, HUMAN), job, **{"Last-Event-ID": "end"}) as answer:
        assert answer.status_code == 204


async def test_every_other_job_is_the_same_nothing(road: Paid) -> None:
    job = await drawn(road)
    wrong = [job[:-1], job.upper(), f"{job}%00", f"job_{'a' * 26}", "..", "%2e%2e", "é", "x" * 5000]
    async with road.service.http(OTHER) as other:
        for path in ("/v1/jobs/{}", "/v1/jobs/{}/events"):
            seen = {(await other.get(path.format(each))).text for each in (job, f"job_{'a' * 26}")}
            assert len(seen) == 1
            assert json.loads(seen.pop())["error"]["code"] == "not_found"
    async with road.service.http(HUMAN) as mine:
        for each in wrong:
            assert (await mine.get(f"/v1/jobs/{each}")).status_code == 404
            assert (await mine.get(f"/v1/jobs/{each}/events")).status_code == 404
        for method in ("POST", "PUT", "DELETE"):
            assert (await mine.request(method, f"/v1/jobs/{job}")).status_code == 405
            assert (await mine.request(method, f"/v1/jobs/{job}/events")).status_code == 405


async def test_without_a_token_it_is_the_refusal_of_the_endpoint(road: Paid) -> None:
    job = await drawn(road)
    cookies = {"__Host-imagewright": "a" * 43, "token": road.service.tokens[HUMAN]}
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer iw_none"}):
        async with httpx.AsyncClient(
            base_url=road.service.base, headers=headers, cookies=cookies
        ) as http:
            endpoint = await http.post("/mcp", json={})
            for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/events"):
                answer = await http.get(f"{path}?access_token={road.service.tokens[HUMAN]}")
                assert answer.status_code == endpoint.status_code == 401
                wanted = endpoint.headers["www-authenticate"]
                assert answer.headers["www-authenticate"] == wanted
                assert answer.json()["error"]["code"] == "unauthenticated"


async def test_streams_are_bounded_for_each_subject_and_given_back(road: Paid) -> None:
    job, others = await drawn(road, n=3), await drawn(road, OTHER)
    base, token = of(road, HUMAN)
    async with stream(base, token, job) as one, stream(base, token, job) as two:
        assert (one.status_code, two.status_code) == (200, 200)
        async with road.service.http(HUMAN) as http:
            third = await http.get(f"/v1/jobs/{job}/events")
            assert (await http.get(f"/v1/jobs/{job}")).status_code == 200
        assert (third.status_code, third.json()["error"]["code"]) == (429, "busy")
        assert third.headers["retry-after"] == "5"
        async with stream(*of(road, OTHER), others) as theirs:
            assert theirs.status_code == 200
    async with road.service.http(HUMAN) as http:
        for _ in range(4):
            asked = await http.head(f"/v1/jobs/{job}/events")
            assert (asked.status_code, asked.content) == (200, b"")
            assert asked.headers["content-type"].startswith("text/event-stream")
            assert asked.headers["x-accel-buffering"] == "no"
            assert asked.headers["cache-control"] == "no-store"
    await road.service.app.services.witness.flush()
    assert (HUMAN, "/v1/jobs/events", "limited", "busy") in {
        told(each) for each in lines(road.state, "call")
    }
    assert (await followed(base, token, job))[-1].name == "completed"


async def test_who_leaves_costs_and_loses_nothing(road: Paid) -> None:
    job = await drawn(road, n=2)
    base, token = of(road, HUMAN)
    for _ in range(5):
        async with stream(base, token, job) as answer:
            assert answer.status_code == 200
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.2)
    board = road.service.app.parts.board
    assert vars(board) == vars(InProcessBoard())
    seen = await followed(base, token, job)
    assert seen[-1].data["state"] == "succeeded"
    assert len(seen[-1].data["images"]) == 2


@pytest.mark.parametrize(
    "target",
    [Target(what=What.TOKEN, key="tok_0"), Target(what=What.SUBJECT, key=HUMAN)],
    ids=["token", "subject"],
)
async def test_a_revoked_callers_stream_ends_and_another_goes_on(
    road: Paid, target: Target
) -> None:
    job, others = await drawn(road, n=4), await drawn(road, OTHER, n=4)
    mine = asyncio.create_task(followed(*of(road, HUMAN), job))
    theirs = asyncio.create_task(followed(*of(road, OTHER), others))
    await asyncio.sleep(1)
    assert not mine.done()
    elsewhere = Elsewhere(road.state)
    began = time.monotonic()
    await elsewhere.revoke(target)
    try:
        seen = await mine
        assert time.monotonic() - began < 3
        assert not {each.name for each in seen} & {"completed"}
        async with road.service.http(HUMAN) as http:
            assert (await http.get(f"/v1/jobs/{job}")).status_code == 401
    finally:
        await elsewhere.restore(target)
    assert (await theirs)[-1].name == "completed"
    await asyncio.sleep(1.2)


async def test_a_stream_ends_with_the_right_to_read(road: Paid) -> None:
    file = road.state / "acl.toml"
    line = f'"{OTHER}" = ["images:read", "images:write", "spend"]'
    assert line in ACL
    job = await drawn(road, OTHER, n=4)
    following = asyncio.create_task(followed(*of(road, OTHER), job))
    await asyncio.sleep(0.5)
    try:
        file.write_text(ACL.replace(line, f'"{OTHER}" = ["images:write"]'))
        road.service.app.refresh(force=True)
        began = time.monotonic()
        last = (await following)[-1]
        assert time.monotonic() - began < 2
        assert (last.name, last.data["code"], "state" in last.data) == ("error", "forbidden", False)
        async with road.service.http(OTHER) as http:
            refused = await http.get(f"/v1/jobs/{job}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        await road.service.app.services.witness.flush()
        assert (OTHER, "/v1/jobs", "denied", "scope") in {
            told(each) for each in lines(road.state, "call")
        }
    finally:
        file.write_text(ACL)
        road.service.app.refresh(force=True)


async def test_a_stream_has_a_route_of_its_own_in_the_metrics(road: Paid) -> None:
    await followed(*of(road, HUMAN), await drawn(road))
    async with road.service.http(HUMAN) as http:
        await http.get("/v1/jobs/x")
    page = generate_latest(road.service.app.parts.metrics.registry).decode()
    assert 'imagewright_request_seconds_count{route="/v1/jobs/events",status="200"}' in page
    assert 'imagewright_request_seconds_count{route="/v1/jobs",status="404"}' in page


async def test_a_quiet_stream_is_kept_alive(road: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "_QUIET_SECONDS", 0.5)
    async with stream(*of(road, HUMAN), await drawn(road, n=2)) as answer:
        text = (await answer.aread()).decode()
    assert "\n\n:\n\n" in text


async def test_limits_of_requests_count_and_reads_are_told(tmp_path: Path) -> None:
    acl = f'[subjects."{HUMAN}"]\nscopes = ["*"]\nrate = "3/minute"\n'
    settings, tokens = configured(tmp_path, acl, (HUMAN,), audit__reads=True)
    async with running(settings, tokens) as service, service.http(HUMAN) as http:
        path = f"/v1/jobs/job_{'a' * 26}"
        codes = [(await http.get(each)).status_code for each in (path, f"{path}/events", path)]
        limited = await http.get(f"{path}/events")
    assert codes == [404, 404, 404]
    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limited")
    assert int(limited.headers["retry-after"]) > 0
    assert [told(each)[1:] for each in lines(tmp_path, "call")] == [
        ("/v1/jobs/events", "limited", "rate_limited")
    ]
    assert len(lines(tmp_path, "read")) == 3


async def test_without_tokens_on_loopback_everybody_is_local(tmp_path: Path) -> None:
    settings, _ = configured(tmp_path, auth__acl_path=None, auth__tokens_path=None)
    async with running(settings, {}) as service:
        local = Service(app=service.app, base=service.base, tokens={})
        job = await _local_job(local)
        seen = await followed(service.base, None, job)
        async with local.http(None) as http:
            assert (await http.get(f"/v1/jobs/{job}")).json() == seen[-1].data
            strange = await http.get(f"/v1/jobs/{job}", headers={"Host": "evil.example"})
        assert strange.status_code == 421
    assert seen[-1].name == "completed"
    assert "path" not in seen[-1].data["images"][0]


async def _local_job(service: Service) -> str:
    from fastmcp import Client  # noqa: PLC0415 - one client without a token

    async with Client(service.url) as client:
        found = await client.call_tool("generate_image", {"prompt": "a hill", "size": "64x64"})
    assert found.structured_content is not None
    return str(found.structured_content["job"])


async def test_a_drain_tells_the_end_of_what_runs_and_that_the_rest_waits(tmp_path: Path) -> None:
    with FakeOpenAI() as vendor:
        vendor.slow_seconds = 2.5
        vendor.replies.append(Reply(way=Way.SLOW))
        async with serve(tmp_path, vendor, limits__running=1) as served:
            async with served.wire(ROBOT) as wire:
                runs = (await wire.send(ask(wait=0)))["job"]
                await until_called(vendor, 1)
                waits = (await wire.send(ask(wait=0)))["job"]
            token = served.tokens[ROBOT]
            following = [
                asyncio.create_task(followed(served.base, token, job)) for job in (runs, waits)
            ]
            await asyncio.sleep(0.5)
            served.program.tell(signal.SIGTERM)
            ended, left = await asyncio.gather(*following)
            assert await served.program.ended() == 0
            assert "Traceback" not in served.program.log
        assert ended[-1].name == "completed"
        assert (left[-1].name, left[-1].data["code"]) == ("error", "unavailable")
        assert "state" not in left[-1].data
