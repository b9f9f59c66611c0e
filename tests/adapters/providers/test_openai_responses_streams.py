"""Responses that come as events, and those that break off."""

from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.providers.openai_responses import Config, OpenAIResponses, build
from imagewright.core.errors import ModerationBlocked, OutcomeUnknown
from imagewright.core.secret import Secret
from imagewright.ports.provider import Delivery
from tests.contracts.provider import made
from tests.fakes.openai_images import EVENTS, KEY, sse
from tests.fakes.openai_responses import FakeResponses, answered, drawn, response, stream
from tests.fakes.orders import Watched, order, parts
from tests.fakes.vendor import Reply, Way

WHOLE = stream(response(drawn("AAAA")), partials=1)


@pytest.fixture(scope="module")
def running() -> Iterator[FakeResponses]:
    with FakeResponses() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeResponses) -> FakeResponses:
    running.forget()
    return running


@pytest.fixture
async def responses(vendor: FakeResponses) -> AsyncIterator[OpenAIResponses]:
    provider = build(Config(base_url=vendor.base_url, api_key=Secret(KEY)), parts())
    yield provider
    await provider.close()


async def streamed(provider: OpenAIResponses, watched: Watched, n: int = 1) -> Delivery:
    return await provider.generate(order(ask={"n": n, "partial_images": 2}), watched)


async def test_partial_images_are_told_with_the_orders_numbers(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    watched = Watched()
    delivery = await streamed(responses, watched, n=2)
    assert made(delivery) == [("png", 96, 64, False)] * 2
    assert sorted(index for index, _ in watched.partials) == [0, 1, 2, 3]
    assert delivery.usage is not None
    assert delivery.usage.output_tokens == 2 * 1756
    sent = vendor.received[0].values
    assert (sent["stream"], sent["tools"][0]["partial_images"]) == (True, 2)


async def test_a_server_that_cannot_stream_answers_at_once(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    vendor.replies.append(answered(drawn("AAAA")))
    watched = Watched()
    delivery = await streamed(responses, watched)
    assert ([each.data for each in delivery.pictures], watched.partials) == ([b"\0\0\0"], [])


def cut(body: bytes) -> Reply:
    """As much of a stream as this; then the connection breaks."""
    return Reply(body=body + b" " * len(body), headers=EVENTS, way=Way.CLOSE_MID_BODY)


async def test_a_picture_that_came_is_kept_though_the_stream_broke_off(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    vendor.replies.append(cut(WHOLE[: WHOLE.index(b"event: response.completed")]))
    delivery = await streamed(responses, Watched())
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]
    assert (delivery.usage, vendor.calls()) == (None, 1)


@pytest.mark.parametrize("seen", ["response.created", "response.output_item.done"])
async def test_a_stream_that_broke_off_before_proves_nothing(
    responses: OpenAIResponses, vendor: FakeResponses, seen: str
) -> None:
    vendor.replies.append(cut(WHOLE[: WHOLE.index(f"event: {seen}".encode())]))
    with pytest.raises(OutcomeUnknown):
        await streamed(responses, Watched())
    assert vendor.calls() == 1


async def test_an_error_within_a_stream_is_a_refusal(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    body = sse({"type": "error", "code": "moderation_blocked", "message": "x"})
    vendor.replies.append(Reply(body=body, headers=EVENTS))
    with pytest.raises(ModerationBlocked):
        await streamed(responses, Watched())
