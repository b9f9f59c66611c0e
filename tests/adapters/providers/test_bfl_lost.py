"""Tasks of Black Forest Labs whose call broke off: asked for again, never sent again."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from imagewright.adapters.providers.bfl import BlackForestLabs, build
from imagewright.core.errors import ModerationBlocked, OutcomeUnknown
from imagewright.core.money import Nano
from imagewright.ports.provider import Delivery, NotYet
from tests.adapters.providers.bfl_setup import configured
from tests.contracts.provider import made
from tests.fakes.bfl import FakeBFL, Task, error
from tests.fakes.orders import Time, Watched, order, parts
from tests.fakes.vendor import Reply, Way


@pytest.fixture(scope="module")
def running() -> Iterator[FakeBFL]:
    with FakeBFL() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeBFL) -> FakeBFL:
    running.forget()
    return running


@pytest.fixture
async def bfl(vendor: FakeBFL) -> AsyncIterator[BlackForestLabs]:
    provider = build(configured(vendor, total_timeout=200.0), parts(Time()))
    yield provider
    await provider.close()


async def taken(bfl: BlackForestLabs, vendor: FakeBFL, *tasks: Task, n: int = 1) -> str:
    """What is known once the vendor has taken these tasks, and the process dies."""
    vendor.replies += tasks
    watched = Watched()
    call = asyncio.create_task(bfl.generate(order(ask={"n": n}, per_call=1), watched))
    async with asyncio.timeout(5):
        while len(watched.requests) < len(tasks):  # noqa: ASYNC110 - the watch sets no event
            await asyncio.sleep(0.001)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    return watched.requests[-1]


async def collected(vendor: FakeBFL, request: str, **changes: Any) -> Delivery:
    """What another process is told, of an order that it has no inputs of."""
    provider = build(configured(vendor, total_timeout=200.0), parts(Time()))
    try:
        return await provider.collect(order(per_call=1, **changes), request, Watched())
    finally:
        await provider.close()


async def test_its_picture_is_fetched_and_nothing_is_sent_again(
    bfl: BlackForestLabs, vendor: FakeBFL
) -> None:
    request = await taken(bfl, vendor, Task(looks=("Pending",) * 50))
    delivery = await collected(vendor, request)
    assert made(delivery) == [("png", 96, 64, False)]
    assert (vendor.calls(), delivery.usage and delivery.usage.cost) == (1, Nano(30_000_000))
    assert (delivery.request or "?") in request
    assert made(await collected(vendor, request)) == made(delivery)


async def test_each_picture_of_an_order_is_fetched(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    pending = Task(looks=("Pending",) * 50)
    request = await taken(bfl, vendor, pending, pending, pending, n=3)
    assert len((await collected(vendor, request, ask={"n": 3})).pictures) == 3
    assert vendor.calls() == 3


async def test_what_was_not_told_of_is_unknown(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    request = await taken(bfl, vendor, Task())
    delivery = await collected(vendor, request, ask={"n": 2})
    assert len(delivery.pictures) == 1
    assert [type(each) for each in delivery.failures.values()] == [OutcomeUnknown]


@pytest.mark.parametrize("more", ["", "&x=y" * 90])
async def test_an_order_for_ten_can_be_told(vendor: FakeBFL, more: str) -> None:
    # `Watched` holds what it is told to the bound.
    bfl = build(configured(vendor, concurrency=10), parts(Time()))
    task = Task(at=f"{vendor.base_url}/get_result?id={{0}}{more}")
    request = await taken(bfl, vendor, *(task,) * 10, n=10)
    await bfl.close()
    assert len((await collected(vendor, request, ask={"n": 10})).pictures) == 10


LATER = [("Pending",), (error(500),), (Reply(way=Way.CLOSE_BEFORE_HEADERS),), ("Whatever",)]


@pytest.mark.parametrize("looks", LATER)
async def test_a_vendor_that_does_not_tell_yet_is_asked_later(
    bfl: BlackForestLabs, vendor: FakeBFL, looks: tuple[str | Reply, ...]
) -> None:
    request = await taken(bfl, vendor, Task(looks=("Pending", *looks * 400)))
    with pytest.raises(NotYet) as told:
        await collected(vendor, request)
    assert told.value.pause >= 10


@pytest.mark.parametrize("look", ["Task not found", error(404)])
async def test_a_vendor_that_has_forgotten_it_leaves_it_unknown(
    bfl: BlackForestLabs, vendor: FakeBFL, look: str | Reply
) -> None:
    request = await taken(bfl, vendor, Task(looks=("Pending", *(look,) * 400)))
    with pytest.raises(OutcomeUnknown):
        await collected(vendor, request)


async def test_what_was_refused_costs_nothing(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    request = await taken(bfl, vendor, Task(looks=("Pending", "Request Moderated")))
    with pytest.raises(ModerationBlocked):
        await collected(vendor, request)


async def test_the_key_goes_nowhere_else_with_what_was_kept(
    bfl: BlackForestLabs, vendor: FakeBFL
) -> None:
    request = json.loads(await taken(bfl, vendor, Task()))
    name, _, cost = json.loads(request["0"])
    elsewhere = json.dumps({"0": json.dumps([name, "https://example.com/steal", cost])})
    assert len((await collected(vendor, elsewhere)).pictures) == 1
