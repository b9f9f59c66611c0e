from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.providers.gemini import Config, Gemini, build
from imagewright.core.errors import (
    ProviderMisconfigured,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.spending import Usage
from imagewright.ports.provider import MAX_CONTINUATION, Delivery, Found, Order, Parts, Provider
from tests.adapters.providers.gemini_setup import SENT_SIZE, configured, gemini_order
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, made
from tests.fakes.gemini import (
    KEY,
    MODEL,
    SIGNATURE,
    USAGE,
    FakeGemini,
    blocked,
    error,
    finished,
    picture,
)
from tests.fakes.orders import PROMPT, Time, Watched, parts
from tests.fakes.pictures import encoded
from tests.fakes.vendor import Reply

DEPLETED = "Your prepayment credits are depleted. See https://ai.studio."


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


class TestGemini(Edits, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    forms: ClassVar[tuple[Format, ...]] = (Format.PNG,)
    per_call: ClassVar[int] = 1
    moderated: ClassVar[tuple[Reply, ...]] = (
        blocked("PROHIBITED_CONTENT"),
        blocked("OTHER"),
        finished("IMAGE_SAFETY"),
        finished("PROHIBITED_CONTENT"),
        finished("IMAGE_RECITATION"),
    )
    exhausted: ClassVar[tuple[Reply, ...]] = (error(402), error(429, message=DEPLETED))

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, headers=headers)

    def order(self, **changes: Any) -> Order:
        return gemini_order(**changes)


async def ask_for(provider: Provider, **changes: Any) -> Delivery:
    return await provider.generate(gemini_order(**changes), Watched())


async def test_a_generation_sends_what_the_plan_has_set(gemini: Gemini, vendor: FakeGemini) -> None:
    await ask_for(gemini, ask={"seed": 7}, options=(("max_tokens", 4096), ("thinking", "high")))
    received = vendor.received[0]
    assert received.path == f"/v1/models/{MODEL}:generateContent"
    assert received.values == {
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": SENT_SIZE,
            "thinkingConfig": {"thinkingLevel": "HIGH"},
            "maxOutputTokens": 4096,
            "seed": 7,
        },
    }
    assert received.headers["x-goog-api-key"] == KEY
    assert "authorization" not in received.headers


async def test_what_the_plan_leaves_open_is_not_sent(gemini: Gemini, vendor: FakeGemini) -> None:
    await ask_for(gemini, size=None, size_name=None)
    assert vendor.received[0].values["generationConfig"] == {
        "responseModalities": ["IMAGE"],
        "imageConfig": {},
    }


async def test_a_model_without_sizes_is_sent_its_ratio_alone(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    await ask_for(gemini, options=(("image_size", False),))
    sent = vendor.received[0].values["generationConfig"]
    assert sent["imageConfig"] == {"aspectRatio": "3:2"}


@pytest.mark.parametrize(
    ("option", "level"),
    [((("thinking", "auto"),), "LOW"), ((("thinking", "high"),), "HIGH"), ((), None)],
)
async def test_the_config_sets_the_thinking_that_the_catalogue_leaves_to_it(
    vendor: FakeGemini, option: Any, level: str | None
) -> None:
    provider = build(configured(vendor, thinking="low"), parts())
    await ask_for(provider, options=option)
    await provider.close()
    sent = vendor.received[0].values["generationConfig"].get("thinkingConfig")
    assert sent == ({"thinkingLevel": level} if level else None)


async def test_safety_is_sent_as_configured(vendor: FakeGemini) -> None:
    safety = {"HARM_CATEGORY_HARASSMENT": "BLOCK_ONLY_HIGH"}
    provider = build(configured(vendor, safety=safety), parts())
    await ask_for(provider)
    await provider.close()
    assert vendor.received[0].values["safetySettings"] == [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}
    ]


async def test_seeds_are_cut_to_what_the_api_takes_and_told(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    delivery = await ask_for(gemini, ask={"seed": 2**31 + 5, "n": 2})
    sent = {each.values["generationConfig"]["seed"] for each in vendor.received}
    assert sent == {5, 6}
    assert [each.seed for each in delivery.pictures] == [5, 6]


async def test_references_are_sent_inline_after_the_words(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    asked = gemini_order(references=2, ask={"aspect_ratio": "3:2"})
    await gemini.edit(asked, Watched())
    (turn,) = vendor.received[0].values["contents"]
    assert turn["parts"] == [
        {"text": PROMPT},
        *(picture(each.data) for each in asked.references),
    ]
    sent = vendor.received[0].values["generationConfig"]
    assert sent["imageConfig"] == SENT_SIZE


async def test_an_edit_whose_shape_is_left_open_keeps_that_of_the_picture(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    await gemini.edit(gemini_order(references=1), Watched())
    sent = vendor.received[0].values["generationConfig"]
    assert sent["imageConfig"] == {"imageSize": "1K"}


async def test_masks_and_formats_that_it_does_not_take_are_refused_here(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    with pytest.raises(Unsupported):
        await gemini.edit(gemini_order(references=1, mask=True), Watched())
    with pytest.raises(Unsupported):
        await ask_for(gemini, form=Format.JPEG)
    assert not vendor.received


async def test_drafts_are_no_pictures_and_the_last_one_counts(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    first, last = encoded(shade=1), encoded(shade=2)
    found = finished("STOP", picture(first), picture(last), picture(first, thought=True))
    vendor.replies.append(found)
    delivery = await ask_for(gemini)
    assert [each.data for each in delivery.pictures] == [last]


async def test_a_picture_can_be_gone_on_from(gemini: Gemini, vendor: FakeGemini) -> None:
    first = (await ask_for(gemini)).pictures[0]
    assert first.continuation is not None
    asked = replace(gemini_order(references=2), continuation=first.continuation)
    again = (await gemini.edit(asked, Watched())).pictures[0]
    turns = vendor.received[1].values["contents"]
    assert turns == [
        {"role": "user", "parts": [{"text": PROMPT}]},
        {
            "role": "model",
            "parts": [picture(asked.references[0].data, thoughtSignature=SIGNATURE)],
        },
        {"role": "user", "parts": [{"text": PROMPT}, picture(asked.references[1].data)]},
    ]
    assert again.continuation == first.continuation


@pytest.mark.parametrize(
    "kept",
    [
        "no json",
        "[]",
        '{"model":"another","prompt":"p","signature":"s"}',
        f'{{"model":"{MODEL}","prompt":7,"signature":"s"}}',
        f'{{"model":"{MODEL}","prompt":"p"}}',
    ],
)
async def test_what_cannot_be_gone_on_from_is_a_plain_edit(
    gemini: Gemini, vendor: FakeGemini, kept: str
) -> None:
    await gemini.edit(replace(gemini_order(references=1), continuation=kept), Watched())
    assert len(vendor.received[0].values["contents"]) == 1


@pytest.mark.parametrize("signature", [None, "", 7, "s" * MAX_CONTINUATION])
async def test_a_picture_without_a_fitting_signature_leaves_nothing(
    gemini: Gemini, vendor: FakeGemini, signature: object
) -> None:
    vendor.replies.append(finished("STOP", picture(encoded(), thoughtSignature=signature)))
    assert (await ask_for(gemini)).pictures[0].continuation is None


async def test_of_long_words_the_beginning_is_kept(gemini: Gemini, vendor: FakeGemini) -> None:
    kept = (await ask_for(gemini, prompt="é" * 2000)).pictures[0].continuation
    assert kept is not None
    await gemini.edit(replace(gemini_order(references=1), continuation=kept), Watched())
    (part,) = vendor.received[1].values["contents"][0]["parts"]
    assert part == {"text": "é" * 1024}


@pytest.mark.parametrize(
    ("reported", "references", "usage"),
    [
        (
            USAGE,
            1,
            Usage(
                pictures=1, text_tokens=10, image_tokens=1120, output_tokens=1120, word_tokens=173
            ),
        ),
        (
            {"promptTokenCount": 9, "candidatesTokenCount": 1120},
            0,
            Usage(pictures=1, text_tokens=9, image_tokens=0, output_tokens=1120, word_tokens=0),
        ),
        (
            {"promptTokenCount": 9, "candidatesTokenCount": "7", "promptTokensDetails": 7},
            1,
            Usage(pictures=1, text_tokens=0, image_tokens=9, output_tokens=0, word_tokens=0),
        ),
        (
            {
                "candidatesTokenCount": 1200,
                "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 80}, 7],
            },
            0,
            Usage(pictures=1, text_tokens=0, image_tokens=0, output_tokens=1120, word_tokens=80),
        ),
        (None, 0, None),
        ("much", 0, None),
    ],
)
async def test_usage_is_read_as_reported(
    gemini: Gemini, vendor: FakeGemini, reported: object, references: int, usage: Usage | None
) -> None:
    vendor.replies.append(Reply(usage=reported))
    delivery = await gemini.edit(gemini_order(references=references), Watched())
    assert delivery.usage == usage
    assert delivery.request == "resp_fake_1"


async def test_models_that_make_pictures_are_found_on_every_page(gemini: Gemini) -> None:
    assert await gemini.discover() == (
        Found(upstream=MODEL, title="Gemini-Nano-Banana-2.1", like=MODEL),
        Found(upstream="gemini-3-pro-image", title="Gemini-3-Pro-Image", like=MODEL),
    )


async def test_a_ping_costs_nothing_and_tells_what_is_wrong(
    gemini: Gemini, vendor: FakeGemini
) -> None:
    await gemini.ping()
    assert [(each.path, each.query) for each in vendor.received] == [("/v1/models", "pageSize=1")]
    stranger = build(configured(vendor, api_key=Secret("wrong")), parts())
    with pytest.raises(ProviderMisconfigured):
        await stranger.ping()
    away = build(Config(base_url="http://127.0.0.1:1"), parts())
    with pytest.raises(ProviderUnavailable):
        await away.discover()
    await stranger.close()
    await away.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "https://user:pa55@x"},
        {"base_url": "https://x?key=pa55"},
        {"total_timeout": 0},
        {"retries": -1},
        {"thinking": "hard"},
        {"safety": {"harassment": "BLOCK_NONE"}},
        {"token_file": "pa55"},
        {"people": "ALLOW_ALL"},
        {"project": "a/b", "token_file": "t"},
        {"project": "p", "location": "../x", "token_file": "t"},
        {"project": "p"},
        {"project": "p", "token_file": "t", "key_file": "k"},
        {"project": "p", "token_file": "t", "api_key": Secret(KEY)},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # sentences differ; none quotes a value
        Config(**wrong)
    assert "pa55" not in str(caught.value)


def test_settings_with_an_unknown_key_are_refused() -> None:
    with pytest.raises(ValidationError, match="projekt"):
        TypeAdapter(Config).validate_python({"projekt": "x"})


async def test_pictures_are_those_of_the_plan(gemini: Gemini) -> None:
    asked = gemini_order(ask={"n": 3})
    assert made(await gemini.generate(asked, Watched())) == [("png", 1264, 848, False)] * 3
