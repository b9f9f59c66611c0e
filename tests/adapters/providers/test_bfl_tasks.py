"""Tasks of Black Forest Labs: what becomes of them, and where the key goes."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.providers.bfl import BlackForestLabs, build
from imagewright.core.errors import OutcomeUnknown
from tests.adapters.providers.bfl_setup import ask_for, configured, failure
from tests.fakes.bfl import KEY, FakeBFL, Task, error
from tests.fakes.orders import Time, parts
from tests.fakes.vendor import Reply, Way, html


@pytest.fixture(scope="module")
def running() -> Iterator[FakeBFL]:
    with FakeBFL() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeBFL) -> FakeBFL:
    running.forget()
    return running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def bfl(vendor: FakeBFL, time: Time) -> AsyncIterator[BlackForestLabs]:
    provider = build(configured(vendor, total_timeout=200.0), parts(time))
    yield provider
    await provider.close()


async def test_a_task_is_asked_for_until_it_is_done(
    bfl: BlackForestLabs, vendor: FakeBFL, time: Time
) -> None:
    vendor.replies.append(Task(looks=("Queued", "Pending", "Processing")))
    delivery = await ask_for(bfl)
    assert (delivery.request or "").startswith("task-")
    assert vendor.calls("/v1/get_result") == 4
    assert time.slept == [1.0] * 3


LOOKS = [
    error(500),
    error(429),
    error(401),
    html(200),
    Reply(body=b"{}"),
    Reply(body=b"[" * 100_000),
    Reply(body=b" " * 2_000_000),
    Reply(way=Way.CLOSE_BEFORE_HEADERS),
    Reply(way=Way.CLOSE_MID_BODY, body=b"{}"),
    Reply(status=307, body=b"", headers={"location": "/elsewhere"}),
    "Task not found",
    "Whatever",
]


@pytest.mark.parametrize("look", LOOKS)
async def test_a_look_that_tells_nothing_is_repeated(
    bfl: BlackForestLabs, vendor: FakeBFL, look: str | Reply
) -> None:
    vendor.replies.append(Task(looks=(look, look)))
    assert len((await ask_for(bfl)).pictures) == 1
    assert (vendor.calls(), vendor.calls("/v1/get_result")) == (1, 3)


async def test_a_task_that_takes_too_long_is_unknown_and_named(
    bfl: BlackForestLabs, vendor: FakeBFL, time: Time
) -> None:
    vendor.replies.append(Task(looks=("Pending",) * 300))
    fault = await failure(bfl)
    assert type(fault) is OutcomeUnknown
    assert str(fault.details["request"]).startswith("task-")
    assert 195 <= sum(time.slept) <= 200
    assert vendor.calls() == 1


async def test_a_task_that_nobody_knows_is_given_up(vendor: FakeBFL, time: Time) -> None:
    vendor.replies.append(Task(looks=("Task not found",) * 100))
    provider = build(configured(vendor), parts(time))
    assert type(await failure(provider)) is OutcomeUnknown
    assert vendor.calls("/v1/get_result") == 30
    await provider.close()


@pytest.mark.parametrize("status", ["Error", "Failed"])
async def test_a_task_that_failed_may_be_charged(
    bfl: BlackForestLabs, vendor: FakeBFL, status: str
) -> None:
    vendor.replies.append(Task(looks=(status,)))
    fault = await failure(bfl)
    assert (type(fault), list(fault.details)) == (OutcomeUnknown, ["request"])


@pytest.mark.parametrize("task", ["", "x" * 129, "a b", "<script>"])
async def test_an_id_that_is_none_is_not_shown(
    bfl: BlackForestLabs, vendor: FakeBFL, task: str
) -> None:
    vendor.replies.append(Reply(body=f'{{"id":"{task}","polling_url":"x"}}'.encode()))
    fault = await failure(bfl)
    assert (type(fault), dict(fault.details)) == (OutcomeUnknown, {})


async def test_the_key_goes_nowhere_else(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    with FakeBFL() as other:
        vendor.replies.append(Task(at=f"{other.base_url}/get_result?id={{0}}"))
        assert len((await ask_for(bfl)).pictures) == 1
        assert not other.received
    assert vendor.calls("/v1/get_result") == 2


@pytest.mark.parametrize(
    "sample",
    [
        "http://127.0.0.1:9/x.png",
        "https://127.0.0.1:9/x.png",
        "https://localhost/x",
        "file:///x",
        "",
    ],
)
async def test_a_picture_that_cannot_be_fetched_is_unknown(
    bfl: BlackForestLabs, vendor: FakeBFL, sample: str
) -> None:
    vendor.replies.append(Task(sample=sample or "nothing"))
    fault = await failure(bfl)
    assert (type(fault), list(fault.details)) == (OutcomeUnknown, ["request"])


async def test_a_picture_is_fetched_without_the_key(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    await ask_for(bfl)
    (fetched,) = [each for each in vendor.received if each.path.startswith("/samples/")]
    assert KEY not in str(fetched.headers)


async def test_no_more_tasks_are_at_work_than_are_allowed(vendor: FakeBFL) -> None:
    vendor.replies.extend([Task(looks=("Pending",) * 5)] * 4)
    provider = build(configured(vendor, concurrency=1), parts(Time()))
    await ask_for(provider, ask={"n": 4}, per_call=1)
    await provider.close()
    paths = [each.path.rpartition("/")[2].partition("-")[0] for each in vendor.received]
    assert paths == ["the", *["get_result"] * 6, "task"] * 4


async def test_cancelling_ends_the_looking(vendor: FakeBFL) -> None:
    vendor.replies.append(Task(looks=(Reply(way=Way.HANG),)))
    provider = build(configured(vendor), parts())
    task = asyncio.create_task(ask_for(provider))
    async with asyncio.timeout(5):
        while not vendor.calls("/v1/get_result"):  # noqa: ASYNC110  # it is another thread's
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await provider.close()
