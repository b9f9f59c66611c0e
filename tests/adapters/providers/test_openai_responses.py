"""The tool `image_generation` of the Responses API: what is sent, and what comes of answers."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from imagewright.adapters.providers.openai_responses import (
    Config,
    OpenAIResponses,
    build,
    offered,
)
from imagewright.app.upstreams import offers_of
from imagewright.core.ask import Background, Moderation, Quality
from imagewright.core.catalogue import Offer, PerImage, PerToken
from imagewright.core.errors import Forbidden, OutcomeUnknown, ProviderRejected
from imagewright.core.money import Nano
from imagewright.core.pricing import actual, ceiling
from imagewright.core.secret import Secret
from imagewright.core.spending import Usage
from imagewright.ports.provider import MAX_CONTINUATION, Found, Order, Parts, Provider
from imagewright.settings import Settings
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, Masked, Transparent, made
from tests.fakes.imaging import PlainImaging
from tests.fakes.openai_images import KEY, error
from tests.fakes.openai_responses import FakeResponses, answered, drawn
from tests.fakes.orders import KEY as ORDER_KEY
from tests.fakes.orders import PROMPT, TRANSPARENT, Time, Watched, order, parts
from tests.fakes.vendor import Reply

USED = Usage(
    pictures=1,
    text_tokens=10,
    image_tokens=40,
    output_tokens=1756,
    word_tokens=60,
    reader_tokens=900,
)
BLOCKED = {"code": "moderation_blocked", "message": "x", "type": "image_generation_user_error"}


@pytest.fixture(scope="module")
def running() -> Iterator[FakeResponses]:
    with FakeResponses() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeResponses) -> FakeResponses:
    running.forget()
    running.forgotten.clear()
    return running


def configured(vendor: FakeResponses, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


@pytest.fixture
async def responses(vendor: FakeResponses) -> AsyncIterator[OpenAIResponses]:
    async with speaking(vendor) as provider:
        yield provider


@asynccontextmanager
async def speaking(vendor: FakeResponses, **config: Any) -> AsyncIterator[OpenAIResponses]:
    provider = build(configured(vendor, **config), parts(Time()))
    yield provider
    await provider.close()


class TestOpenAIResponses(Transparent, Edits, Masked, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    per_call: ClassVar[int] = 1
    moderated: ClassVar[tuple[Reply, ...]] = (
        error(400, "moderation_blocked"),
        answered(drawn(None, status="failed", error=BLOCKED), usage=None),
        answered(status="failed", error={"code": "image_content_policy_violation"}, usage=None),
        answered(status="incomplete", incomplete_details={"reason": "content_filter"}, usage=None),
    )
    exhausted: ClassVar[tuple[Reply, ...]] = (
        error(429, "insufficient_quota"),
        answered(status="failed", error={"code": "insufficient_quota"}, usage=None),
    )

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, None, headers=headers)


def address(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def said(received: Any) -> Any:
    """The content of a request's message."""
    return received.values["input"][-1]["content"]


async def test_a_generation_sends_what_the_plan_has_set(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    asked = order(
        ask={"moderation": Moderation.LOW},
        quality=Quality.MAX,
        options=(("complexity", "low"),),
        **TRANSPARENT,
    )
    delivery = await responses.generate(asked, Watched())
    (received,) = vendor.received
    assert received.values == {
        "model": "gpt-5.6-luna",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
        "tools": [
            {
                "type": "image_generation",
                "model": "the-upstream",
                "action": "generate",
                "size": "96x64",
                "quality": "max",
                "background": Background.TRANSPARENT.value,
                "output_format": "png",
                "moderation": "low",
                "complexity": "low",
            }
        ],
        "tool_choice": {"type": "image_generation"},
        "max_output_tokens": 4096,
        "max_tool_calls": 1,
        "store": False,
    }
    assert received.headers["idempotency-key"] == ORDER_KEY
    assert (delivery.usage, delivery.request) == (USED, "req_fake_1")
    assert delivery.pictures[0].revised_prompt == "as the text model put it"


async def test_an_edit_sends_images_and_mask(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    asked = order(references=16, mask=True)
    await responses.edit(asked, Watched())
    (received,) = vendor.received
    assert asked.mask is not None
    mask = await PlainImaging().alpha_mask(asked.mask.data)
    tool = received.values["tools"][0]
    assert (tool["action"], tool["input_image_mask"]) == ("edit", {"image_url": address(mask)})
    images = [{"type": "input_image", "image_url": address(each.data)} for each in asked.references]
    assert said(received) == [{"type": "input_text", "text": PROMPT}, *images]


async def test_several_pictures_are_a_call_each(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    delivery = await responses.generate(order(ask={"n": 3}), Watched())
    assert (len(delivery.pictures), vendor.calls()) == (3, 3)
    assert delivery.usage is not None
    assert (delivery.usage.word_tokens, delivery.usage.reader_tokens) == (180, 2700)


async def test_a_relay_may_know_less(vendor: FakeResponses) -> None:
    left_out = ("tool_choice", "max_tool_calls", "store", "action")
    async with speaking(
        vendor, input="text", leave_out=left_out, reasoning_effort="low", organization="org-1"
    ) as provider:
        await provider.generate(order(), Watched())
        await provider.edit(order(references=1), Watched())
    first, second = vendor.received
    assert first.values["input"] == PROMPT
    assert set(first.values) == {"model", "input", "tools", "max_output_tokens", "reasoning"}
    assert "action" not in first.values["tools"][0]
    assert first.headers["openai-organization"] == "org-1"
    assert len(said(second)) == 2


async def test_it_goes_on_from_a_stored_response(vendor: FakeResponses) -> None:
    async with speaking(vendor, store=True) as provider:
        first = await provider.generate(order(), Watched())
        again = going_on(first.pictures[0].continuation, references=2)
        assert len((await provider.edit(again, Watched())).pictures) == 1
    received = vendor.received[1]
    assert received.values["previous_response_id"] == "resp_fake_1"
    assert received.values["store"] is True
    assert [each["type"] for each in said(received)] == ["input_text", "input_image"]
    assert said(received)[1]["image_url"] == address(again.references[1].data)


def going_on(continuation: str | None, references: int = 1) -> Order:
    assert continuation is not None
    assert len(continuation) <= MAX_CONTINUATION
    asked = order(references=references)
    return Order(
        plan=asked.plan,
        references=asked.references,
        mask=None,
        key=asked.key,
        continuation=continuation,
    )


async def test_the_long_names_that_relays_give_are_gone_on_from(vendor: FakeResponses) -> None:
    name = "resp_" + "x" * 800
    vendor.replies.append(answered(drawn("AAAA"), id=name))
    async with speaking(vendor, store=True) as provider:
        first = await provider.generate(order(), Watched())
        await provider.edit(going_on(first.pictures[0].continuation), Watched())
    assert vendor.received[1].values["previous_response_id"] == name


async def test_it_goes_on_from_a_picture_where_nothing_is_stored(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    first = await responses.generate(order(), Watched())
    again = going_on(first.pictures[0].continuation)
    await responses.edit(again, Watched())
    received = vendor.received[1]
    assert "previous_response_id" not in received.values
    picture, message = received.values["input"]
    assert picture == {
        "type": "image_generation_call",
        "id": "ig_fake_1",
        "status": "completed",
        "result": base64.b64encode(again.references[0].data).decode(),
    }
    assert message["content"] == [{"type": "input_text", "text": PROMPT}]


async def test_what_the_vendor_forgot_is_sent_as_an_image(vendor: FakeResponses) -> None:
    vendor.forgotten.add("resp_fake_1")
    async with speaking(vendor, store=True) as provider:
        first = await provider.generate(order(), Watched())
        again = going_on(first.pictures[0].continuation)
        watched = Watched()
        assert len((await provider.edit(again, watched)).pictures) == 1
        refused = Watched(taken_back=Forbidden("revoked"))
        with pytest.raises(Forbidden):
            await provider.edit(again, refused)
    assert (watched.repeated, vendor.calls()) == (1, 4)
    assert said(vendor.received[2])[1]["image_url"] == address(again.references[0].data)


@pytest.mark.parametrize("written", ["", "x", "[]", '{"image": 7.5}', '{"response": "r"}', "null"])
async def test_a_continuation_of_another_is_none(
    responses: OpenAIResponses, vendor: FakeResponses, written: str
) -> None:
    await responses.edit(going_on(written), Watched())
    assert len(said(vendor.received[0])) == 2
    assert vendor.calls() == 1


async def test_discovery_and_ping_cost_nothing(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    await responses.ping()
    found = await responses.discover()
    assert found[0] == Found(upstream="gpt-image-2.5-flare", like="gpt-image-2.5-flare")
    assert not vendor.calls()


def offer(tmp_path: Path, **config: Any) -> Offer:
    section = {"kind": "openai_responses", **config}
    given = {"state": tmp_path, "providers": {"mine": section}}
    (found,) = offers_of(Settings.model_validate(given))
    return found


def test_the_text_model_is_in_every_price(tmp_path: Path) -> None:
    found = offer(tmp_path, max_output_tokens=1000, text_in="2", text_out="10")
    for model in (*found.models, *found.known):
        assert isinstance(model.price, PerToken)
        assert (model.price.words, model.price.text_out) == (1000, 10_000)
        assert (model.price.reader_in, model.price.reading) == (2_000, 32_768)


def test_what_a_call_reports_keeps_its_ceiling(tmp_path: Path) -> None:
    model = offer(tmp_path).models[0]
    plan = order(model=model.id, quality=Quality.HIGH).plan
    cost = actual(USED, plan, model)
    assert cost == 1756 * 30_000 + 60 * 1_200 + 900 * 250 + 10 * 5_000 + 40 * 8_000
    most = ceiling(order(references=1, model=model.id, quality=Quality.MAX).plan, model)
    assert most.estimate
    assert most.amount > 4096 * 1_200 + 32_768 * 250


@pytest.mark.parametrize("config", [{"leave_out": ["max_output_tokens"]}])
def test_a_text_model_without_bounds_has_no_price(tmp_path: Path, config: dict[str, Any]) -> None:
    prices = {"mine": {"per": "image", "prices": {"*": "0.5"}}}
    found = offer(tmp_path, prices=prices, **config)
    assert {model.price for model in found.models} == {None}
    assert found.prices == {"mine": PerImage(prices={"*": Nano(500_000_000)})}


def test_a_text_model_without_a_price_leaves_none(tmp_path: Path) -> None:
    found = offer(tmp_path)
    bare = offered(Config(text_in=None), found)
    assert {model.price for model in bare.models} == {None}


@pytest.mark.parametrize(
    "wrong",
    [{"text_model": " "}, {"max_output_tokens": 0}, {"text_in": "much"}, {"base_url": "x"}],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"text_|address"):
        Config(**wrong)
    # The offer is read all the same: whoever builds the provider is told.
    assert offer(tmp_path, **wrong).models


async def test_a_picture_that_is_not_counted_has_no_cost_of_its_own(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    picture = drawn("AAAA")
    zero = {"image_gen": {"output_tokens": 0, "input_tokens_details": {"text_tokens": 0}}}
    for told in (None, {}, zero, {"image_gen": 7}):
        vendor.replies.append(answered(picture, tool_usage=told))
        delivery = await responses.generate(order(), Watched())
        assert delivery.usage is not None
        assert (delivery.usage.output_tokens, delivery.usage.word_tokens) == (None, 60)
    vendor.replies.append(answered(picture, usage=None))
    assert (await responses.generate(order(), Watched())).usage is None


async def test_one_of_several_may_be_answered_in_words(vendor: FakeResponses) -> None:
    async with speaking(vendor, concurrency=1) as provider:
        vendor.replies.append(answered({"type": "message", "content": []}, tool_usage=None))
        delivery = await provider.generate(order(ask={"n": 2}), Watched())
    assert made(delivery) == [("png", 96, 64, False)]
    assert {place: type(fault) for place, fault in delivery.failures.items()} == {
        0: ProviderRejected
    }
    assert delivery.usage is not None
    assert (delivery.usage.output_tokens, delivery.usage.word_tokens) == (1756, 120)


async def test_no_bytes_of_an_answer_are_a_continuation_of_ours(
    responses: OpenAIResponses, vendor: FakeResponses
) -> None:
    vendor.replies.append(answered(drawn("AAAA", id="../" * 9)))
    delivery = await responses.generate(order(), Watched())
    assert delivery.pictures[0].continuation is None
    vendor.replies.append(Reply(body=json.dumps({"output": [drawn("!")]}).encode()))
    with pytest.raises(OutcomeUnknown):
        await responses.generate(order(), Watched())
