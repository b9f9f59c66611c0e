"""The fake relays against the OpenAI package, which people drive the real ones with."""

import base64
from collections.abc import Iterator

import openai
import pytest

from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.pictures import encoded, facts
from tests.fakes.relays import OWN_TROUBLE, Azure, Litellm, LocalAI, Together, Xai


def client_of(vendor: FakeOpenAI) -> openai.OpenAI:
    return openai.OpenAI(api_key=KEY, base_url=vendor.base_url, max_retries=0, timeout=2.0)


def pictures(answer: openai.types.ImagesResponse) -> list[tuple[str, int, int, bool]]:
    return [facts(base64.b64decode(each.b64_json or "")) for each in answer.data or ()]


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure() as vendor:
        yield vendor


def test_azure_is_as_its_own_client_expects_it(azure: Azure) -> None:
    client = openai.AzureOpenAI(
        api_key=KEY,
        azure_endpoint=azure.origin,
        azure_deployment="pictures",
        api_version="2025-04-01-preview",
        max_retries=0,
    )
    with client, pytest.raises(openai.BadRequestError) as caught:
        # The client leaves the model in, which gpt-image-2 refuses there.
        client.images.generate(model="pictures", prompt="a cat")
    assert caught.value.param == "model"
    received = azure.received[0]
    assert received.path == "/openai/deployments/pictures/images/generations"
    assert received.query == "api-version=2025-04-01-preview"
    assert received.headers["api-key"] == KEY


def test_xai_takes_ratios_and_input_images_in_json() -> None:
    picture = f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"
    with Xai() as vendor, client_of(vendor) as client:
        answer = client.images.generate(
            model="grok-imagine-image",
            prompt="a cat",
            n=2,
            response_format="b64_json",
            extra_body={"aspect_ratio": "3:2", "resolution": "1k"},
        )
        assert pictures(answer) == [("jpeg", 96, 64, False)] * 2
        body = {"model": "m", "prompt": "a", "image": {"url": picture, "type": "image_url"}}
        edited = client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)
        assert edited.data is not None
        assert (edited.data[0].url or "").startswith(vendor.origin)
        with pytest.raises(openai.BadRequestError):
            client.images.generate(model="m", prompt="a cat", size="1024x1024")


def test_together_takes_edges_and_its_own_word_for_base64() -> None:
    with Together() as vendor, client_of(vendor) as client:
        body = {"width": 96, "height": 64, "steps": 4, "response_format": "base64"}
        answer = client.images.generate(model="m", prompt="a cat", extra_body=body)
        assert pictures(answer) == [("jpeg", 96, 64, False)]
        with pytest.raises(openai.UnprocessableEntityError):
            client.images.generate(model="m", prompt="a cat", response_format="b64_json")


def test_localai_answers_with_addresses_of_its_own() -> None:
    with LocalAI() as vendor, client_of(vendor) as client:
        answer = client.images.generate(model="sd", prompt="a cat", size="512x512")
        assert answer.data is not None
        assert answer.data[0].url == f"{vendor.origin}/files/512x512.png"
        bare = client.images.generate(model="sd", prompt="a", response_format="b64_json")
        assert pictures(bare) == [("png", 256, 256, False)]


def test_litellm_says_what_a_call_cost_and_fails_on_streams() -> None:
    with Litellm() as vendor, client_of(vendor) as client:
        raw = client.images.with_raw_response.generate(model="m", prompt="a cat")
        assert raw.headers["x-litellm-response-cost"] == Litellm.cost
        with pytest.raises(openai.InternalServerError) as failed:
            client.images.generate(model="m", prompt="a cat", stream=True)
        assert OWN_TROUBLE in failed.value.message
        with pytest.raises(openai.BadRequestError) as caught:
            client.with_options(api_key="wrong").images.generate(model="m", prompt="a")
        assert caught.value.code == "400"
