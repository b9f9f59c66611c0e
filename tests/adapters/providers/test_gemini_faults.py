"""What each failure and each refusal of Gemini becomes, and what of it is billed."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from imagewright.adapters.providers.gemini import Gemini, build
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Provider
from tests.adapters.providers.gemini_setup import configured, gemini_order
from tests.contracts.http_provider import shown
from tests.fakes.gemini import (
    FakeGemini,
    blocked,
    error,
    finished,
    picture,
)
from tests.fakes.orders import Time, Watched, parts
from tests.fakes.pictures import encoded
from tests.fakes.vendor import VENDOR_WORDS, Reply


@pytest.fixture(scope="module")
def running() -> Iterator[FakeGemini]:
    with FakeGemini() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeGemini) -> FakeGemini:
    running.forget()
    return running


@pytest.fixture
async def gemini(vendor: FakeGemini) -> AsyncIterator[Gemini]:
    provider = build(configured(vendor), parts(Time()))
    yield provider
    await provider.close()


async def ask_for(provider: Provider, **changes: Any) -> Delivery:
    return await provider.generate(gemini_order(**changes), Watched())


THOUGHT = {"promptTokenCount": 7, "thoughtsTokenCount": 300}


@pytest.mark.parametrize(
    ("reply", "expected", "usage"),
    [
        (
            blocked("SAFETY", usageMetadata={"promptTokenCount": 5}),
            ModerationBlocked,
            Usage(pictures=0, text_tokens=5, image_tokens=0, output_tokens=0, word_tokens=0),
        ),
        (
            finished("IMAGE_SAFETY", usageMetadata=THOUGHT),
            ModerationBlocked,
            Usage(pictures=0, text_tokens=7, image_tokens=0, output_tokens=0, word_tokens=300),
        ),
        (
            finished("STOP", {"text": VENDOR_WORDS}, usageMetadata={"candidatesTokenCount": 9}),
            ProviderRejected,
            Usage(pictures=0, text_tokens=0, image_tokens=0, output_tokens=0, word_tokens=9),
        ),
    ],
)
async def test_a_refusal_that_is_billed_is_a_delivery_without_pictures(
    gemini: Gemini, vendor: FakeGemini, reply: Reply, expected: type[Fault], usage: Usage
) -> None:
    vendor.replies.append(reply)
    delivery = await ask_for(gemini)
    assert delivery.pictures == ()
    assert delivery.usage == usage
    assert [type(each) for each in delivery.failures.values()] == [expected]
    assert VENDOR_WORDS not in shown(delivery.failures[0])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (finished("STOP", {"text": VENDOR_WORDS}), ProviderRejected),
        (finished("LANGUAGE"), ProviderRejected),
        (finished("MISSING_THOUGHT_SIGNATURE"), ProviderRejected),
        (finished("PUP_LIMITED_DISABLED"), ProviderMisconfigured),
        (finished("MAX_TOKENS"), ProviderBadAnswer),
        (finished("NO_IMAGE"), ProviderBadAnswer),
        (finished("IMAGE_OTHER"), ProviderBadAnswer),
        (finished("A_REASON_OF_TOMORROW"), ProviderBadAnswer),
    ],
)
async def test_an_answer_without_a_picture_says_why(
    gemini: Gemini, vendor: FakeGemini, reply: Reply, expected: type[Fault]
) -> None:
    vendor.replies.append(replace(reply, body=reply.body))
    with pytest.raises(Fault) as caught:
        await ask_for(gemini)
    assert type(caught.value) is expected
    assert VENDOR_WORDS not in shown(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        finished("STOP"),
        finished("STOP", {"inlineData": {"data": "!!"}}),
        finished("STOP", {"inlineData": 7}),
        finished("STOP", picture(encoded(), thought=True)),
        Reply(body=b'{"candidates":[]}'),
        Reply(body=b'{"candidates":[7]}'),
        Reply(body=b'{"candidates":[{"content":{"parts":7}}]}'),
        Reply(body=b'{"promptFeedback":7}'),
    ],
)
async def test_an_answer_without_a_picture_or_a_reason_proves_nothing(
    gemini: Gemini, vendor: FakeGemini, reply: Reply
) -> None:
    vendor.replies.append(reply)
    with pytest.raises(OutcomeUnknown):
        await ask_for(gemini)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(400, details=[{"reason": "API_KEY_INVALID"}]), ProviderMisconfigured),
        (error(400, "FAILED_PRECONDITION"), ProviderMisconfigured),
        (error(400, details=[7, {"reason": 7}]), ProviderRejected),
        (error(404), ProviderMisconfigured),
        (error(503), ProviderUnavailable),
        (error(504), OutcomeUnknown),
        (Reply(status=400, body=b'{"error":7}'), ProviderRejected),
    ],
)
async def test_an_error_says_what_it_proves(
    gemini: Gemini, vendor: FakeGemini, reply: Reply, expected: type[Fault]
) -> None:
    vendor.replies.append(reply)
    with pytest.raises(expected) as caught:
        await ask_for(gemini)
    assert VENDOR_WORDS not in shown(caught.value)
    assert vendor.calls() == 1


@pytest.mark.parametrize(
    ("delay", "slept"), [("38s", 38.0), ("0.25s", 0.25), ("soon", 0.5), (7, 0.5)]
)
async def test_the_wait_that_google_asks_for_is_kept(
    vendor: FakeGemini, delay: object, slept: float
) -> None:
    time = Time()
    provider = build(configured(vendor), parts(time))
    vendor.replies.append(error(429, details=[{"retryDelay": delay}]))
    await ask_for(provider)
    await provider.close()
    assert time.slept == [slept]


async def test_a_wait_that_is_too_long_is_told(gemini: Gemini, vendor: FakeGemini) -> None:
    vendor.replies.append(error(429, details=[{"retryDelay": "3600s"}]))
    with pytest.raises(ProviderBusy) as caught:
        await ask_for(gemini)
    assert caught.value.details == {"retry_after": 3600.0}
