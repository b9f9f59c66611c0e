"""The fake vendor against the vendor's own client, so that its shapes are the vendor's."""

import base64
from collections.abc import Iterator

import pytest
from openrouter import OpenRouter, components, errors

from tests.fakes.openrouter import KEY, MODEL, PRICING, USAGE, FakeOpenRouter, error, flagged
from tests.fakes.pictures import encoded, facts
from tests.fakes.vendor import Reply


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenRouter]:
    with FakeOpenRouter() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeOpenRouter) -> FakeOpenRouter:
    running.forget()
    return running


@pytest.fixture
def client(vendor: FakeOpenRouter) -> Iterator[OpenRouter]:
    with OpenRouter(api_key=KEY, server_url=vendor.base_url, timeout_ms=5000) as client:
        yield client


def make(client: OpenRouter) -> components.ImageGenerationResponse:
    answer = client.images.generate(model=MODEL, prompt="a cat", retries=None)
    assert isinstance(answer, components.ImageGenerationResponse)
    return answer


def test_it_makes_pictures_from_words_and_references(
    client: OpenRouter, vendor: FakeOpenRouter
) -> None:
    url = f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"
    answer = client.images.generate(
        model=MODEL,
        prompt="a cat",
        n=2,
        aspect_ratio="3:2",
        resolution="1K",
        seed=7,
        input_references=[
            components.ContentPartImage(
                type="image_url", image_url=components.ContentPartImageImageURL(url=url)
            )
        ],
        provider=components.ImageGenerationProviderPreferences(only=["google-vertex"]),
    )
    assert isinstance(answer, components.ImageGenerationResponse)
    assert [facts(base64.b64decode(each.b64_json)) for each in answer.data] == [
        ("png", 1264, 848, False)
    ] * 2
    assert answer.usage is not None
    assert answer.usage.cost == USAGE["cost"]
    assert vendor.received[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(400), errors.BadRequestResponseError),
        (error(402), errors.PaymentRequiredResponseError),
        (flagged(), errors.ForbiddenResponseError),
        (error(429), errors.TooManyRequestsResponseError),
        (error(502), errors.BadGatewayResponseError),
    ],
)
def test_its_failures_are_those_the_client_knows(
    client: OpenRouter, vendor: FakeOpenRouter, reply: Reply, expected: type[Exception]
) -> None:
    vendor.replies.append(reply)
    with pytest.raises(expected):
        make(client)


def test_a_wrong_key_is_refused(vendor: FakeOpenRouter) -> None:
    with (
        OpenRouter(api_key="wrong", server_url=vendor.base_url) as client,
        pytest.raises(errors.UnauthorizedResponseError),
    ):
        make(client)


def test_it_lists_models_and_what_they_cost(client: OpenRouter) -> None:
    listed = client.images.list_models()
    assert [each.id for each in listed.data] == list(PRICING)
    endpoints = client.images.list_model_endpoints(author="x-ai", slug="grok-imagine-image-2.0")
    assert [line.cost_usd for each in endpoints.endpoints for line in each.pricing] == [
        0.04,
        0.06,
        0.0,
    ]


def test_it_streams_partial_images_and_the_picture(client: OpenRouter) -> None:
    with client.images.generate(model=MODEL, prompt="a cat", stream=True) as stream:
        found = list(stream)
    *partials, last = found
    assert [type(each) for each in partials] == [components.ImageGenPartialImageEvent] * 3
    assert isinstance(last, components.ImageGenCompletedEvent)
    assert last.usage is not None
    assert last.usage.cost == USAGE["cost"]
