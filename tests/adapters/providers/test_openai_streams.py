"""Pictures that come in parts, and streams that end before they should."""

from typing import Any

import pytest

from imagewright.adapters.providers.openai import OpenAIImages, build
from imagewright.core.errors import Fault, ModerationBlocked, OutcomeUnknown, ProviderQuota
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery
from tests.adapters.providers.openai_setup import configured
from tests.contracts.provider import made
from tests.fakes.openai_images import EVENTS, FakeOpenAI, error, sse
from tests.fakes.orders import PROMPT, Watched, order, parts
from tests.fakes.pictures import facts
from tests.fakes.vendor import VENDOR_WORDS, Reply, Way

PICTURE = {"type": "image_generation.completed", "b64_json": "AAAA", "usage": {"output_tokens": 7}}
PARTIAL = {"type": "image_generation.partial_image", "b64_json": "AQ==", "partial_image_index": 0}


def events(*found: object, **reply: Any) -> Reply:
    return Reply(body=sse(*found), headers=EVENTS, **reply)


async def streamed(provider: OpenAIImages, watched: Watched, n: int = 1) -> Delivery:
    return await provider.generate(order(ask={"n": n, "partial_images": 2}), watched)


async def test_partial_images_are_told_as_they_come(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    watched = Watched()
    delivery = await streamed(openai, watched)
    assert made(delivery) == [("png", 96, 64, False)]
    assert [(index, facts(data)[:3]) for index, data in watched.partials] == [
        (0, ("png", 96, 64)),
        (1, ("png", 96, 64)),
    ]
    assert delivery.usage == Usage(pictures=1, text_tokens=10, image_tokens=40, output_tokens=1756)
    sent = vendor.received[0].values
    assert (sent["stream"], sent["partial_images"], sent["n"]) == (True, 2, 1)


async def test_edits_stream_too(openai: OpenAIImages, vendor: FakeOpenAI) -> None:
    watched = Watched()
    asked = order(references=1, ask={"partial_images": 3})
    assert made(await openai.edit(asked, watched)) == [("png", 96, 64, False)]
    assert [index for index, _ in watched.partials] == [0, 1, 2]
    sent = vendor.received[0].values
    assert (sent["stream"], sent["partial_images"]) == ("true", "3")


async def test_several_pictures_are_a_stream_each_with_numbers_of_their_own(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    watched = Watched()
    delivery = await streamed(openai, watched, n=3)
    assert len(delivery.pictures) == vendor.calls() == 3
    assert sorted(index for index, _ in watched.partials) == [0, 1, 2, 3, 4, 5]
    assert delivery.usage is not None
    assert (delivery.usage.pictures, delivery.usage.output_tokens) == (3, 3 * 1756)


async def test_a_server_that_cannot_stream_answers_at_once(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(body=b'{"data":[{"b64_json":"AAAA"}]}'))
    watched = Watched()
    delivery = await streamed(openai, watched)
    assert ([each.data for each in delivery.pictures], watched.partials) == ([b"\0\0\0"], [])


@pytest.mark.parametrize("way", [Way.CLOSE_MID_BODY, Way.CLOSE_AFTER_HEADERS, Way.DRIP])
async def test_a_stream_that_breaks_off_before_the_picture_proves_nothing(
    vendor: FakeOpenAI, way: Way
) -> None:
    vendor.replies.append(events(PARTIAL, PICTURE, way=way))
    provider = build(configured(vendor, total_timeout=0.4), parts())
    with pytest.raises(OutcomeUnknown):
        await streamed(provider, Watched())
    assert vendor.calls() == 1
    await provider.close()


@pytest.mark.parametrize("rest", [b"data: {", b"data: [DONE]\n\n", b": waiting\n\n" * 9])
async def test_a_picture_that_came_is_kept_however_the_stream_ends(
    openai: OpenAIImages, vendor: FakeOpenAI, rest: bytes
) -> None:
    # The answer is as long again as what comes of it: then the connection breaks.
    body = sse(PARTIAL, PICTURE) + rest
    cut = body + b" " * len(body)
    vendor.replies.append(Reply(body=cut, headers=EVENTS, way=Way.CLOSE_MID_BODY))
    watched = Watched()
    delivery = await streamed(openai, watched)
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]
    assert delivery.usage == Usage(pictures=1, output_tokens=7)
    assert (watched.partials, vendor.calls()) == ([(0, b"\1")], 1)


STREAM_ENDS: list[tuple[list[object], type[Fault]]] = [
    ([], OutcomeUnknown),
    (["no object"], OutcomeUnknown),
    ([{"type": "image_generation.completed"}], OutcomeUnknown),
    ([{**PICTURE, "b64_json": "!"}], OutcomeUnknown),
    ([{"type": "error", "error": {"code": "server_error"}}], OutcomeUnknown),
    ([PARTIAL, {"error": {"code": "moderation_blocked"}}], ModerationBlocked),
    ([{"type": "error", "code": "moderation_blocked", "message": VENDOR_WORDS}], ModerationBlocked),
    ([{"type": "error", "error": {"code": "insufficient_quota"}}], ProviderQuota),
]


@pytest.mark.parametrize(("found", "expected"), STREAM_ENDS)
async def test_a_stream_without_a_picture(
    openai: OpenAIImages, vendor: FakeOpenAI, found: list[object], expected: type[Fault]
) -> None:
    vendor.replies.append(events(*found))
    with pytest.raises(expected) as caught:
        await streamed(openai, Watched())
    assert type(caught.value) is expected
    assert VENDOR_WORDS not in str(caught.value.public())
    assert PROMPT not in str(caught.value.public())
    assert vendor.calls() == 1


async def test_a_refused_stream_is_a_refusal(openai: OpenAIImages, vendor: FakeOpenAI) -> None:
    vendor.replies.append(error(429, None))
    assert len((await streamed(openai, Watched())).pictures) == 1
    assert vendor.calls() == 2


async def test_partial_images_that_were_not_asked_for_are_not_told(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    wrong = [{**PARTIAL, "partial_image_index": number} for number in (-1, 2, 99, "0", None)]
    vendor.replies.append(events(*wrong, {**PARTIAL, "b64_json": "!"}, PICTURE))
    watched = Watched()
    assert len((await streamed(openai, watched)).pictures) == 1
    assert watched.partials == []


async def test_a_stream_beyond_the_limit_is_not_read(vendor: FakeOpenAI) -> None:
    endless = Reply(body=b"data: {}\n\n" * 50_000, headers=EVENTS)
    vendor.replies.append(endless)
    provider = build(configured(vendor, picture_bytes=1000), parts())
    with pytest.raises(OutcomeUnknown):
        await streamed(provider, Watched())
    await provider.close()
