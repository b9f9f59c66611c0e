"""Stored responses whose call broke off: asked for again, never sent again."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from imagewright.adapters.providers.openai_responses import Config, OpenAIResponses, build
from imagewright.core.errors import Fault, ModerationBlocked, OutcomeUnknown
from imagewright.core.secret import Secret
from imagewright.ports.provider import NotYet
from tests.contracts.provider import made
from tests.fakes.openai_images import EVENTS, KEY, error, sse
from tests.fakes.openai_responses import FakeResponses, answered, drawn, response
from tests.fakes.orders import Watched, order, parts
from tests.fakes.vendor import Reply, Way, html

ORDER = order(ask={"partial_images": 1})
BEGUN = sse({"type": "response.created", "response": response(status="in_progress")})


def halved(data: bytes) -> Reply:
    """An answer that is cut after these bytes: half of it is sent."""
    return Reply(way=Way.CLOSE_MID_BODY, body=data + b" " * len(data), headers=EVENTS)


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
    provider = made_for(vendor, store=True)
    yield provider
    await provider.close()


def made_for(vendor: FakeResponses, **config: Any) -> OpenAIResponses:
    return build(Config(base_url=vendor.base_url, api_key=Secret(KEY), **config), parts())


async def cut(provider: OpenAIResponses, vendor: FakeResponses) -> list[str]:
    """What is known of an order whose stream was cut after its beginning."""
    vendor.replies.append(halved(BEGUN))
    watched = Watched()
    with pytest.raises(OutcomeUnknown):
        await provider.generate(ORDER, watched)
    return watched.requests


async def test_its_picture_is_fetched_and_nothing_is_sent_again(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    (request,) = await cut(responses, vendor)
    vendor.stored["resp_fake_1"] = answered(drawn("AAAA"))
    delivery = await responses.collect(ORDER, request, Watched())
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]
    assert delivery.usage is not None
    assert delivery.usage.output_tokens == 1756
    assert [each.path for each in vendor.received] == ["/v1/responses", "/v1/responses/resp_fake_1"]


async def test_a_process_that_dies_in_the_stream_knows_its_response(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    watched = Watched()
    await responses.generate(ORDER, watched)
    assert [json.loads(each) for each in watched.requests] == [{"0": "resp_fake_1"}]


async def test_what_is_not_stored_cannot_be_asked_for(vendor: FakeResponses) -> None:
    provider = made_for(vendor)
    assert await cut(provider, vendor) == []
    await provider.close()


@pytest.mark.parametrize("name", ["../files", "a b", "", 7, None, "resp_" + "x" * 200])
async def test_what_is_no_id_is_not_kept(
    responses: OpenAIResponses, vendor: FakeResponses, name: object
) -> None:
    begun = sse({"type": "response.created", "response": response(id=name)})
    vendor.replies.append(halved(begun))
    watched = Watched()
    with pytest.raises(OutcomeUnknown):
        await responses.generate(ORDER, watched)
    assert watched.requests == []


LATER = [
    answered(status="queued"),
    answered(status="in_progress"),
    error(500, None),
    error(429, None),
    error(401, "invalid_api_key"),
    html(200),
    html(502),
    Reply(way=Way.CLOSE_BEFORE_HEADERS),
]


@pytest.mark.parametrize("answer", LATER)
async def test_a_vendor_that_does_not_tell_yet_is_asked_later(
    responses: OpenAIResponses, vendor: FakeResponses, answer: Reply
) -> None:
    (request,) = await cut(responses, vendor)
    vendor.stored["resp_fake_1"] = answer
    with pytest.raises(NotYet):
        await responses.collect(ORDER, request, Watched())


ENDS: list[tuple[Reply, type[Fault]]] = [
    (error(404, None), OutcomeUnknown),
    (answered(status="cancelled"), OutcomeUnknown),
    (
        answered(
            status="failed", usage=None, error={"code": "moderation_blocked", "message": "no"}
        ),
        ModerationBlocked,
    ),
]


@pytest.mark.parametrize(("answer", "fault"), ENDS)
async def test_what_ended_otherwise_is_told(
    responses: OpenAIResponses, vendor: FakeResponses, answer: Reply, fault: type[Fault]
) -> None:
    (request,) = await cut(responses, vendor)
    vendor.stored["resp_fake_1"] = answer
    with pytest.raises(fault) as raised:
        await responses.collect(ORDER, request, Watched())
    assert type(raised.value) is fault


async def test_each_picture_of_an_order_is_fetched(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    two = order(ask={"partial_images": 1, "n": 2})
    watched = Watched()
    whole = await responses.generate(two, watched)
    vendor.stored["resp_fake_1"] = answered(drawn("AAAA"))
    delivery = await responses.collect(two, watched.requests[-1], Watched())
    assert (len(delivery.pictures), len(made(whole))) == (2, 2)
