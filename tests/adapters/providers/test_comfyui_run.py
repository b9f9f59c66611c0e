"""What becomes of a prompt at ComfyUI: told, kept when connections are lost, and withdrawn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest

from imagewright.adapters.providers.comfyui import ComfyUI
from imagewright.core.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from tests.adapters.providers.comfyui_setup import asked, made_for
from tests.contracts.provider import made
from tests.fakes.comfyui import PREVIEW, RECORDED, FakeComfyUI
from tests.fakes.orders import Watched
from tests.fakes.vendor import Reply, Way, html


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


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - the server's thread sets no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("story", ["sampled", "sampled_without_flags"])
async def test_its_true_steps_and_its_own_previews_are_told(
    comfyui: ComfyUI, vendor: FakeComfyUI, story: str
) -> None:
    vendor.story = story
    watched = Watched()
    await comfyui.generate(asked(ask={"partial_images": 2}), watched)
    drawn = [(done, total) for text, done, total in watched.stages if text == "Drawing"]
    assert list(dict.fromkeys(drawn)) == [(1, 3), (2, 3), (3, 3)]
    assert watched.partials == [(0, PREVIEW), (1, PREVIEW)]


@pytest.mark.parametrize("story", ["plain", "cached"])
async def test_a_run_without_steps_is_a_picture_all_the_same(
    comfyui: ComfyUI, vendor: FakeComfyUI, story: str
) -> None:
    vendor.story = story
    watched = Watched()
    delivery = await comfyui.generate(asked(ask={"partial_images": 1}), watched)
    assert made(delivery) == [("png", 96, 64, False)]
    assert not watched.partials


async def test_what_is_anothers_is_not_told(vendor: FakeComfyUI) -> None:
    """Two orders at once, of which the server carries out one at a time."""
    vendor.pause = 0.01
    provider = made_for(vendor, concurrency=2)
    both = Watched(), Watched()
    wanted = asked(ask={"partial_images": 3})
    await asyncio.gather(
        provider.generate(wanted, both[0]), provider.generate(replace(wanted, key="2"), both[1])
    )
    await provider.close()
    for each in both:
        drawn = [done for text, done, _ in each.stages if text == "Drawing"]
        assert drawn == sorted(drawn)
        assert len(each.partials) <= 3


async def test_a_failed_workflow_names_the_node_and_nothing_of_the_vendors(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.story = "failed"
    with pytest.raises(ProviderUnavailable) as caught:
        await comfyui.generate(asked(), Watched())
    (told,) = [
        frame["data"]["exception_message"]
        for frame in RECORDED["runs"]["failed"]["frames"]
        if frame["type"] == "execution_error"
    ]
    assert told.strip() not in str(caught.value.public())
    assert caught.value.__context__ is None


async def test_a_failure_is_in_the_history_where_the_socket_was_lost(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.story, vendor.frames_kept = "failed", 4
    with pytest.raises(ProviderUnavailable, match="workflow failed"):
        await comfyui.generate(asked(), Watched())


async def test_too_little_memory_is_told(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    run = RECORDED["runs"]["failed"]
    frame = next(each for each in run["frames"] if each["type"] == "execution_error")
    was = frame["data"]["exception_type"]
    frame["data"]["exception_type"] = "torch.OutOfMemoryError"
    vendor.story = "failed"
    try:
        with pytest.raises(ProviderRejected, match="memory"):
            await comfyui.generate(asked(), Watched())
    finally:
        frame["data"]["exception_type"] = was


async def test_a_prompt_that_somebody_stopped_has_failed(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.story = "interrupted"
    with pytest.raises(ProviderUnavailable, match="stopped"):
        await comfyui.generate(asked(), Watched())


@pytest.mark.parametrize("kept", [0, 5, 20])
async def test_a_picture_is_fetched_though_the_socket_was_lost(
    comfyui: ComfyUI, vendor: FakeComfyUI, kept: int
) -> None:
    vendor.frames_kept, vendor.pause = kept, 0.005
    assert made(await comfyui.generate(asked(), Watched())) == [("png", 96, 64, False)]


async def test_a_picture_is_fetched_where_there_is_no_socket(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.deaf = True
    assert made(await comfyui.generate(asked(), Watched())) == [("png", 96, 64, False)]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x", way=Way.CLOSE_BEFORE_HEADERS),
        Reply(body=b"x", way=Way.CLOSE_MID_BODY),
        html(502),
        html(200),
    ],
)
async def test_a_picture_is_fetched_though_the_answer_was_lost(
    comfyui: ComfyUI, vendor: FakeComfyUI, reply: Reply
) -> None:
    vendor.queued_unheard = True
    vendor.replies.append(reply)
    assert made(await comfyui.generate(asked(), Watched())) == [("png", 96, 64, False)]
    assert vendor.calls() == 1


async def test_a_prompt_that_the_server_forgot_is_unknown(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.forgets = vendor.deaf = True
    with pytest.raises(OutcomeUnknown):
        await comfyui.generate(asked(), Watched())


async def test_our_prompt_is_withdrawn_when_the_order_is_canceled(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.held = True
    task = asyncio.create_task(comfyui.generate(asked(), Watched()))
    await until(lambda: vendor.running)
    (ours,) = vendor.running
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert vendor.stops == [ours]
    deleted = [each.values for each in vendor.received if each.path == "/queue" and each.values]
    assert deleted == [{"delete": [ours]}]


async def test_a_waiting_prompt_is_withdrawn_and_the_one_that_runs_goes_on(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.held = True
    other = made_for(vendor)
    first = asyncio.create_task(other.generate(asked(), Watched()))
    await until(lambda: vendor.running)
    second = asyncio.create_task(comfyui.generate(replace(asked(), key="2"), Watched()))
    await until(lambda: vendor.calls() == 2 and vendor.pending)
    (running,) = vendor.running
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not vendor.pending
    assert running not in vendor.stops
    assert None not in vendor.stops
    vendor.held = False
    assert len((await first).pictures) == 1
    await other.close()


@pytest.mark.parametrize("version", ["0.3.63", "0.2.99", "of tomorrow"])
async def test_a_server_that_may_not_look_at_the_id_is_not_told_to_stop(
    comfyui: ComfyUI, vendor: FakeComfyUI, version: str
) -> None:
    vendor.held, vendor.version = True, version
    task = asyncio.create_task(comfyui.generate(asked(), Watched()))
    await until(lambda: vendor.running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not vendor.calls("/interrupt")


async def test_what_is_given_up_for_its_time_is_withdrawn(vendor: FakeComfyUI) -> None:
    vendor.held = True
    provider = made_for(vendor, total_timeout=0.5)
    with pytest.raises(OutcomeUnknown) as caught:
        await provider.generate(asked(), Watched())
    await provider.close()
    assert caught.value.__context__ is None
    assert len(vendor.stops) == 1


async def test_a_picture_is_asked_for_again(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    vendor.lost_views = 2
    assert made(await comfyui.generate(asked(), Watched())) == [("png", 96, 64, False)]
    assert vendor.calls("/view") == 3


async def test_a_picture_that_cannot_be_fetched_is_told_by_its_index(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.lost_views = 3
    delivery = await comfyui.generate(asked(ask={"n": 2}), Watched())
    assert (len(delivery.pictures), set(delivery.failures)) == (1, {0})
    assert isinstance(delivery.failures[0], OutcomeUnknown)
