"""Prompts at ComfyUI whose process died: asked after by their ids, never queued again."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.providers.comfyui import ComfyUI
from imagewright.core.errors import OutcomeUnknown, ProviderMisconfigured
from imagewright.ports.provider import Delivery, NotYet, Order
from tests.adapters.providers.comfyui_setup import asked, made_for
from tests.contracts.provider import made
from tests.fakes.comfyui import FakeComfyUI
from tests.fakes.orders import Watched


@pytest.fixture
def vendor() -> Iterator[FakeComfyUI]:
    """One for each test: prompts go on where a test gave them up."""
    with FakeComfyUI() as vendor:
        yield vendor


@pytest.fixture
async def comfyui(vendor: FakeComfyUI) -> AsyncIterator[ComfyUI]:
    provider = made_for(vendor)
    yield provider
    await provider.close()


async def collected(
    vendor: FakeComfyUI, request: str, order: Order | None = None, seconds: float = 5.0
) -> Delivery:
    """What another process is told."""
    provider = made_for(vendor, total_timeout=seconds, poll=0.01)
    try:
        return await provider.collect(order or asked(), request, Watched())
    finally:
        await provider.close()


async def test_its_pictures_are_fetched_and_nothing_is_queued_again(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    watched = Watched()
    whole = await comfyui.generate(asked(ask={"n": 2}), watched)
    found = await collected(vendor, watched.requests[-1], asked(ask={"n": 2}))
    assert (made(found), found.request) == (made(whole), whole.request)
    assert [each.seed for each in found.pictures] == [each.seed for each in whole.pictures]
    assert vendor.calls() == 1


async def test_one_that_is_at_work_is_asked_after_later(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.held, watched = True, Watched()
    call = asyncio.create_task(comfyui.generate(asked(), watched))
    async with asyncio.timeout(5):
        while not vendor.running:  # noqa: ASYNC110 - the server's thread sets no event
            await asyncio.sleep(0.01)
    with pytest.raises(NotYet):
        await collected(vendor, watched.requests[-1], seconds=0.1)
    vendor.held = False
    assert len((await collected(vendor, watched.requests[-1])).pictures) == 1
    assert (len((await call).pictures), vendor.calls()) == (1, 1)


async def test_its_id_is_known_before_the_server_has_it(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    watched = Watched()
    vendor.hides = "KSampler"
    with pytest.raises(ProviderMisconfigured):
        await comfyui.generate(asked(), watched)
    assert watched.requests == []
    vendor.hides = None
    await comfyui.generate(asked(), watched)
    assert vendor.received[-1].path == "/view"
    assert len(watched.requests) == 1


async def test_a_server_that_has_forgotten_it_leaves_it_unknown(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    watched = Watched()
    await comfyui.generate(asked(), watched)
    vendor.history.clear()
    with pytest.raises(OutcomeUnknown):
        await collected(vendor, watched.requests[-1])


async def test_a_server_that_is_away_is_asked_later(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    watched = Watched()
    await comfyui.generate(asked(), watched)
    provider = made_for(vendor, base_url="http://127.0.0.1:9", total_timeout=0.2, poll=0.01)
    with pytest.raises(NotYet):
        await provider.collect(asked(), watched.requests[-1], Watched())
    await provider.close()


async def test_where_its_workflow_is_gone_its_pictures_cannot_be_told(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    watched = Watched()
    await comfyui.generate(asked(), watched)
    with pytest.raises(OutcomeUnknown):
        await collected(vendor, watched.requests[-1], asked(options=(("workflow", "nothing"),)))
