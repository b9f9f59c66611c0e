"""The fake vendor against the vendor's own client, so that its shapes are the vendor's."""

import base64
from collections.abc import Iterator

import openai
import pytest

from tests.fakes.openai_images import KEY, USAGE, FakeOpenAI, error, moderation
from tests.fakes.pictures import encoded, facts
from tests.fakes.vendor import Reply, Way, html


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeOpenAI) -> FakeOpenAI:
    running.forget()
    return running


@pytest.fixture
def client(vendor: FakeOpenAI) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=vendor.base_url, max_retries=0, timeout=2.0) as client:
        yield client


def make(client: openai.OpenAI) -> list[bytes]:
    answer = client.images.generate(model="gpt-image-2.5-flare", prompt="a cat", size="1024x1024")
    return [base64.b64decode(each.b64_json or "") for each in answer.data or ()]


def test_it_generates(client: openai.OpenAI, vendor: FakeOpenAI) -> None:
    answer = client.images.generate(
        model="gpt-image-2.5-flare",
        prompt="a cat",
        n=2,
        size="96x64",
        output_format="webp",
        background="transparent",
        quality="low",
    )
    assert answer.data is not None
    assert answer.usage is not None
    assert answer.usage.output_tokens == USAGE["output_tokens"]
    assert [facts(base64.b64decode(each.b64_json or "")) for each in answer.data] == [
        ("webp", 96, 64, True),
        ("webp", 96, 64, True),
    ]
    assert vendor.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_it_edits_several_images_with_a_mask(client: openai.OpenAI, vendor: FakeOpenAI) -> None:
    first, second, mask = encoded(shade=1), encoded(form="jpeg"), encoded(alpha=True)
    answer = client.images.edit(
        model="gpt-image-2.5-flare",
        prompt="a dog",
        image=[("1.png", first, "image/png"), ("2.jpg", second, "image/jpeg")],
        mask=("mask.png", mask, "image/png"),
    )
    assert answer.data is not None
    received = vendor.received[0]
    assert [(name, data) for name, _, _, data in received.files] == [
        ("image[]", first),
        ("image[]", second),
        ("mask", mask),
    ]
    assert received.values == {"prompt": "a dog", "model": "gpt-image-2.5-flare"}


def test_it_answers_with_addresses_that_open(client: openai.OpenAI, vendor: FakeOpenAI) -> None:
    vendor.replies.append(Reply(as_url="own"))
    answer = client.images.generate(model="m", prompt="a cat", size="1024x1024")
    assert answer.data is not None
    assert (answer.data[0].url or "").startswith(vendor.origin)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (moderation(), openai.BadRequestError),
        (error(401, "invalid_api_key"), openai.AuthenticationError),
        (error(403, None), openai.PermissionDeniedError),
        (error(404, "model_not_found"), openai.NotFoundError),
        (error(409, None), openai.ConflictError),
        (error(429, "insufficient_quota"), openai.RateLimitError),
        (error(500, "server_error"), openai.InternalServerError),
        (html(502), openai.InternalServerError),
        (error(504, None), openai.InternalServerError),
        (Reply(way=Way.HANG), openai.APITimeoutError),
        (Reply(way=Way.CLOSE_BEFORE_HEADERS), openai.APIConnectionError),
        (Reply(way=Way.CLOSE_AFTER_HEADERS), openai.APIConnectionError),
        (Reply(way=Way.CLOSE_MID_BODY), openai.APIConnectionError),
    ],
)
def test_its_failures_are_those_the_client_knows(
    client: openai.OpenAI, vendor: FakeOpenAI, reply: Reply, expected: type[Exception]
) -> None:
    vendor.replies.append(reply)
    with pytest.raises(expected) as caught:
        make(client.with_options(timeout=0.3))
    if isinstance(caught.value, openai.APIStatusError):
        assert caught.value.request_id == "req_fake_1"


def test_its_moderation_error_carries_the_details(
    client: openai.OpenAI, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(moderation())
    with pytest.raises(openai.BadRequestError) as caught:
        make(client)
    assert caught.value.code == "moderation_blocked"
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["moderation_details"]["moderation_stage"] == "output"


def test_a_rate_limit_is_tried_again_by_the_client(
    client: openai.OpenAI, vendor: FakeOpenAI
) -> None:
    limit = error(429, "rate_limit_exceeded", headers={"retry-after-ms": "1"})
    vendor.replies.append(limit)
    assert make(client.with_options(max_retries=1))
    assert vendor.calls() == 2


def test_it_refuses_parameters_that_are_gone(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="m", prompt="a cat", response_format="b64_json")
    assert caught.value.param == "response_format"
