"""The fake vendor against the vendor's own client, so that its shapes are the vendor's."""

import base64
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseImageGenCallPartialImageEvent,
    ResponseOutputItemDoneEvent,
)
from openai.types.responses.response_output_item import ImageGenerationCall

from tests.fakes.openai_images import KEY, error
from tests.fakes.openai_responses import FakeResponses, answered, drawn, said
from tests.fakes.pictures import encoded, facts


@pytest.fixture
def vendor() -> Iterator[FakeResponses]:
    with FakeResponses() as vendor:
        yield vendor


@pytest.fixture
def client(vendor: FakeResponses) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=vendor.base_url, max_retries=0, timeout=2.0) as client:
        yield client


ASKED: dict[str, Any] = {
    "model": "gpt-5.6-luna",
    "tool_choice": {"type": "image_generation"},
    "max_output_tokens": 100,
    "max_tool_calls": 1,
    "store": False,
}
TOOL: Any = {
    "type": "image_generation",
    "model": "gpt-image-2.5-flare",
    "size": "96x64",
    "output_format": "webp",
    "partial_images": 2,
}


def picture(item: object) -> tuple[str, int, int, bool]:
    assert isinstance(item, ImageGenerationCall)
    return facts(base64.b64decode(item.result or ""))


def test_it_draws(client: openai.OpenAI) -> None:
    image = f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"
    content = [
        {"type": "input_text", "text": "a cat"},
        {"type": "input_image", "image_url": image, "detail": "auto"},
    ]
    # Plain tables, as they go over the wire: the client's types for them are dozens.
    items: Any = [drawn("AAAA"), {"role": "user", "content": content}]
    tools: Any = [{**TOOL, "input_image_mask": {"image_url": image}}]
    answer = client.responses.create(input=items, tools=tools, **ASKED)
    assert picture(answer.output[0]) == ("webp", 96, 64, False)
    assert answer.usage is not None
    assert answer.usage.output_tokens == 60
    assert answer.tool_usage is not None
    assert answer.tool_usage.image_gen is not None
    assert answer.tool_usage.image_gen.output_tokens == 1756


def test_it_streams(client: openai.OpenAI) -> None:
    events = list(client.responses.create(input="a cat", tools=[TOOL], stream=True, **ASKED))
    partials = [each for each in events if isinstance(each, ResponseImageGenCallPartialImageEvent)]
    assert [each.partial_image_index for each in partials] == [0, 1]
    (done,) = [each for each in events if isinstance(each, ResponseOutputItemDoneEvent)]
    assert picture(done.item) == ("webp", 96, 64, False)
    assert isinstance(events[-1], ResponseCompletedEvent)
    assert picture(events[-1].response.output[0]) == ("webp", 96, 64, False)


def test_it_answers_in_words_or_with_a_picture_that_failed(
    client: openai.OpenAI, vendor: FakeResponses
) -> None:
    blocked = {
        "code": "moderation_blocked",
        "message": "no",
        "type": "image_generation_user_error",
        "moderation_details": {"moderation_stage": "output", "categories": ["sexual"]},
    }
    vendor.replies.append(answered(said("no")))
    assert client.responses.create(input="a cat", **ASKED).output_text == "no"
    vendor.replies.append(answered(drawn(None, status="failed", error=blocked)))
    (item,) = client.responses.create(input="a cat", **ASKED).output
    assert isinstance(item, ImageGenerationCall)
    assert item.error is not None
    assert item.error.code == "moderation_blocked"


def test_it_forgets(client: openai.OpenAI, vendor: FakeResponses) -> None:
    vendor.forgotten.add("resp_1")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(input="a cat", previous_response_id="resp_1", **ASKED)
    assert caught.value.code == "previous_response_not_found"
    vendor.replies.append(error(429, "rate_limit_exceeded"))
    with pytest.raises(openai.RateLimitError):
        client.responses.create(input="a cat", **ASKED)
