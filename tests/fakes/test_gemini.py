"""The fake vendor against the vendor's own client, so that its shapes are the vendor's."""

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tests.fakes.gemini import KEY, MODEL, TOKEN, FakeGemini, blocked, error, finished
from tests.fakes.pictures import encoded, facts


@pytest.fixture(scope="module")
def running() -> Iterator[FakeGemini]:
    with FakeGemini() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeGemini) -> FakeGemini:
    running.forget()
    return running


@pytest.fixture
def client(vendor: FakeGemini) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=vendor.origin, timeout=5000)
    with genai.Client(api_key=KEY, http_options=options) as client:
        yield client


def ask(client: genai.Client, *contents: Any, **config: Any) -> types.GenerateContentResponse:
    return client.models.generate_content(
        model=MODEL,
        contents=list(contents) or ["a cat"],
        config=types.GenerateContentConfig(response_modalities=["IMAGE"], **config),
    )


def parts(answer: types.GenerateContentResponse) -> list[types.Part]:
    assert answer.candidates is not None
    assert answer.candidates[0].content is not None
    return answer.candidates[0].content.parts or []


def test_it_makes_a_picture_after_thoughts(client: genai.Client, vendor: FakeGemini) -> None:
    answer = ask(
        client,
        "a cat",
        types.Part.from_bytes(data=encoded(), mime_type="image/png"),
        image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K"),
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL),
        max_output_tokens=4096,
        seed=3,
    )
    last = parts(answer)[-1]
    assert last.inline_data is not None
    assert facts(last.inline_data.data or b"") == ("png", 2752, 1536, False)
    assert last.thought_signature == b"what the model thought"
    assert [bool(each.thought) for each in parts(answer)] == [True, True, False, False]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.thoughts_token_count == 173
    assert answer.response_id == "resp_fake_1"
    assert vendor.received[0].path == f"/v1/models/{MODEL}:generateContent"
    assert vendor.received[0].headers["x-goog-api-key"] == KEY


def test_its_refusals_are_those_the_client_knows(client: genai.Client, vendor: FakeGemini) -> None:
    vendor.replies.extend([blocked("JAILBREAK"), finished("IMAGE_SAFETY")])
    feedback = ask(client).prompt_feedback
    assert feedback is not None
    assert feedback.block_reason is types.BlockedReason.JAILBREAK
    candidates = ask(client).candidates
    assert candidates is not None
    assert candidates[0].finish_reason is types.FinishReason.IMAGE_SAFETY


def test_a_turn_without_its_signature_is_refused(client: genai.Client) -> None:
    model = types.Content(
        role="model", parts=[types.Part.from_bytes(data=encoded(), mime_type="image/png")]
    )
    words = [types.Content(role="user", parts=[types.Part(text=each)]) for each in ("a", "b")]
    candidates = ask(client, words[0], model, words[1]).candidates
    assert candidates is not None
    assert candidates[0].finish_reason is types.FinishReason.MISSING_THOUGHT_SIGNATURE


@pytest.mark.parametrize(
    ("reply", "status", "expected"),
    [
        (error(400), "INVALID_ARGUMENT", errors.ClientError),
        (error(429), "RESOURCE_EXHAUSTED", errors.ClientError),
        (error(503), "UNAVAILABLE", errors.ServerError),
    ],
)
def test_its_errors_are_those_the_client_knows(
    client: genai.Client, vendor: FakeGemini, reply: Any, status: str, expected: type[Exception]
) -> None:
    vendor.replies.append(reply)
    with pytest.raises(expected) as caught:
        ask(client)
    assert isinstance(caught.value, errors.APIError)
    assert caught.value.status == status


def test_a_key_that_is_wrong_is_a_bad_argument(vendor: FakeGemini) -> None:
    options = types.HttpOptions(base_url=vendor.origin)
    with (
        genai.Client(api_key="wrong", http_options=options) as client,
        pytest.raises(errors.ClientError) as caught,
    ):
        ask(client)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_it_lists_models_in_pages(client: genai.Client) -> None:
    models = list(client.models.list())
    assert [each.name for each in models][-1] == "models/gemini-3-pro-image"
    assert "generateContent" in (models[0].supported_actions or [])


def test_it_is_vertex_ai_too(vendor: FakeGemini) -> None:
    client = genai.Client(
        enterprise=True,
        project="p",
        location="global",
        credentials=Credentials(token=TOKEN),  # type: ignore[no-untyped-call]  # google-auth has no types
        http_options=types.HttpOptions(base_url=vendor.origin),
    )
    with client:
        answer = ask(
            client,
            image_config=types.ImageConfig(
                aspect_ratio="3:2",
                image_size="1K",
                person_generation="ALLOW_NONE",
                output_mime_type="image/jpeg",
                output_compression_quality=70,
            ),
        )
        listed = list(client.models.list())
    last = parts(answer)[-1]
    assert last.inline_data is not None
    assert facts(last.inline_data.data or b"") == ("jpeg", 1264, 848, False)
    sent = vendor.received[0]
    assert sent.path.endswith(f"/locations/global/publishers/google/models/{MODEL}:generateContent")
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.values["generationConfig"]["imageConfig"]["imageOutputOptions"] == {
        "mimeType": "image/jpeg",
        "compressionQuality": 70,
    }
    assert listed[0].name == f"publishers/google/models/{MODEL}"
