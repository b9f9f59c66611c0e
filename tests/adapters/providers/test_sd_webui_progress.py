"""Whose task is told of and stopped, on a server that does one at a time for everybody."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.providers.sd_webui import SdWebui
from imagewright.ports.provider import Order
from tests.adapters.providers.sd_webui_setup import PROGRESS, asked, made_for
from tests.fakes.orders import Watched
from tests.fakes.sd_webui import FakeSdWebui


@pytest.fixture
def vendor() -> Iterator[FakeSdWebui]:
    """One for each test: tasks go on where a test gave them up."""
    with FakeSdWebui() as vendor:
        yield vendor


@pytest.fixture
async def webui(vendor: FakeSdWebui) -> AsyncIterator[SdWebui]:
    provider = made_for(vendor)
    yield provider
    await provider.close()


@pytest.fixture
async def alone(vendor: FakeSdWebui) -> AsyncIterator[SdWebui]:
    """One that has the server to itself."""
    provider = made_for(vendor, exclusive=True)
    yield provider
    await provider.close()


async def test_how_far_our_task_is_is_asked_by_its_id(webui: SdWebui, vendor: FakeSdWebui) -> None:
    vendor.seconds = 0.6
    watched = Watched()
    await webui.generate(asked(ask={"partial_images": 2}), watched)
    drawing = [done for text, done, total in watched.stages if (text, total) == ("Drawing", 100)]
    assert drawing == sorted(drawing)
    assert len(set(drawing)) > 2
    assert [index for index, _ in watched.partials] == [0, 1]
    assert not vendor.calls("/sdapi/v1/progress")


async def test_previews_are_not_asked_for_where_none_is_wanted(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    vendor.seconds = 0.3
    watched = Watched()
    await webui.generate(asked(), watched)
    asks = [each.values for each in vendor.received if each.path == PROGRESS]
    assert asks
    assert not [each for each in asks if each["live_preview"]]
    assert not watched.partials


async def test_a_task_in_the_queue_shows_nothing_of_the_one_that_runs(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    vendor.seconds = 0.5
    other = made_for(vendor)
    first, second = Watched(), Watched()
    await asyncio.gather(
        webui.generate(asked(), first), other.generate(_renamed(asked(), "other"), second)
    )
    await other.close()
    stages = [text for text, _, _ in (*first.stages, *second.stages)]
    assert "Waiting in the provider's queue" in stages
    queued = second if ("Waiting in the provider's queue", 0, 0) in second.stages else first
    told = [text for text, _, _ in queued.stages]
    assert "Drawing" not in told[: told.index("Waiting in the provider's queue")]


async def test_without_ids_nothing_is_shown_unless_nobody_else_uses_the_server(
    webui: SdWebui, alone: SdWebui, vendor: FakeSdWebui
) -> None:
    vendor.seconds, vendor.ids = 0.3, False
    shared, own = Watched(), Watched()
    await webui.generate(asked(ask={"partial_images": 1}), shared)
    assert not vendor.calls("/sdapi/v1/progress")
    await alone.generate(asked(ask={"partial_images": 1}), own)
    assert "Drawing" not in [text for text, _, _ in shared.stages]
    assert "Drawing" in [text for text, _, _ in own.stages]
    assert (len(shared.partials), len(own.partials)) == (0, 1)


async def test_without_ids_nothing_is_shown_where_something_ran_already(
    alone: SdWebui, vendor: FakeSdWebui
) -> None:
    vendor.seconds, vendor.ids, vendor.foreign = 0.3, False, True
    watched = Watched()
    await alone.generate(asked(ask={"partial_images": 1}), watched)
    assert "Drawing" not in [text for text, _, _ in watched.stages]
    assert not watched.partials


async def canceled(provider: SdWebui, vendor: FakeSdWebui, wanted: Order | None = None) -> None:
    """Cancel an order once the server has it."""
    task = asyncio.create_task(provider.generate(wanted or asked(), Watched()))
    async with asyncio.timeout(5):
        while not vendor.calls():  # noqa: ASYNC110 - the server's thread sets no event
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("ids", [True, False])
async def test_our_own_task_is_stopped_when_the_order_is_canceled(
    alone: SdWebui, vendor: FakeSdWebui, ids: bool
) -> None:
    vendor.seconds, vendor.ids = 5.0, ids
    await canceled(alone, vendor)
    assert vendor.interrupted == ["imagewright-job_key_1"]


@pytest.mark.parametrize("ids", [True, False])
async def test_another_task_is_never_stopped(
    webui: SdWebui, alone: SdWebui, vendor: FakeSdWebui, ids: bool
) -> None:
    vendor.seconds, vendor.ids = 2.0, ids
    await canceled(webui, vendor)
    # The server is still at work for the one that was given up: this one waits behind it.
    vendor.received.clear()
    await canceled(alone, vendor, _renamed(asked(), "other"))
    assert vendor.current == "imagewright-job_key_1"
    assert not vendor.interrupted


async def test_what_is_given_up_for_its_time_is_stopped_too(vendor: FakeSdWebui) -> None:
    vendor.seconds = 5.0
    provider = made_for(vendor, exclusive=True, total_timeout=0.3)
    with pytest.raises(Exception, match="no answer proves"):
        await provider.generate(asked(), Watched())
    await provider.close()
    assert vendor.interrupted == ["imagewright-job_key_1"]


async def test_a_server_without_progress_draws_all_the_same(
    alone: SdWebui, vendor: FakeSdWebui
) -> None:
    vendor.whole, vendor.seconds = False, 0.2
    assert len((await alone.generate(asked(), Watched())).pictures) == 1


def _renamed(asked: Order, key: str) -> Order:
    return Order(plan=asked.plan, references=asked.references, mask=asked.mask, key=key)
