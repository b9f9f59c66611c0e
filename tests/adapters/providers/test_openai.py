import base64
from collections.abc import AsyncIterator
from datetime import date
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.providers.openai import Config, OpenAIImages, build
from imagewright.core.ask import Background, Fidelity, Moderation, Quality
from imagewright.core.errors import (
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.spending import Usage
from imagewright.ports.provider import Found, Input, Order, Parts, Provider
from tests.adapters.providers.openai_setup import ask_for, configured, failure
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, Masked, Transparent, made
from tests.fakes.imaging import PlainImaging
from tests.fakes.openai_images import KEY, USAGE, FakeOpenAI, error, moderation
from tests.fakes.orders import KEY as ORDER_KEY
from tests.fakes.orders import PROMPT, Watched, order, parts
from tests.fakes.vendor import Reply


class TestOpenAI(Transparent, Edits, Masked, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    moderated: ClassVar[tuple[Reply, ...]] = (
        moderation(),
        moderation("content_policy_violation"),
        error(400, "contentFilter"),
        Reply(body=b'{"error":{"code":"moderation_blocked"}}'),
    )
    exhausted: ClassVar[tuple[Reply, ...]] = (
        error(400, "billing_hard_limit_reached"),
        error(403, "insufficient_user_quota"),
        error(429, "insufficient_quota"),
        error(500, "insufficient_quota"),
        Reply(body=b'{"error":{"code":"insufficient_quota"}}'),
    )

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, None, headers=headers)


class TestEditsInJson(Edits, Masked):
    @pytest.fixture
    async def provider(self, vendor: FakeOpenAI) -> AsyncIterator[Provider]:
        provider = build(configured(vendor, edits="images"), parts())
        yield provider
        await provider.close()


async def test_a_generation_sends_what_the_plan_has_set(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    await ask_for(
        openai,
        form=Format.WEBP,
        ask={"n": 2, "moderation": Moderation.LOW},
        quality=Quality.MAX,
        background=Background.TRANSPARENT,
        output_compression=70,
    )
    received = vendor.received[0]
    assert received.path == "/v1/images/generations"
    assert received.values == {
        "model": "the-upstream",
        "prompt": PROMPT,
        "n": 2,
        "size": "96x64",
        "quality": "max",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 70,
        "moderation": "low",
    }
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["idempotency-key"] == ORDER_KEY
    assert "cookie" not in received.headers


async def test_what_the_plan_leaves_open_is_not_sent(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    await ask_for(openai, size=None)
    assert set(vendor.received[0].values) == {"model", "prompt", "n", "output_format"}


async def test_seed_and_negative_prompt_are_sent_where_planned(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(body=b'{"data":[{"b64_json":"AAAA","seed":8}]}'))
    delivery = await ask_for(openai, ask={"seed": 7}, negative_prompt="dogs")
    assert vendor.received[0].values["seed"] == 7
    assert vendor.received[0].values["negative_prompt"] == "dogs"
    assert delivery.pictures[0].seed == 8


async def test_an_edit_sends_images_and_mask_as_files(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    asked = order(references=2, mask=True, ask={"input_fidelity": Fidelity.HIGH})
    await openai.edit(asked, Watched())
    received = vendor.received[0]
    assert received.path == "/v1/images/edits"
    assert asked.mask is not None
    assert received.files == (
        ("image[]", "image-1.png", "image/png", asked.references[0].data),
        ("image[]", "image-2.png", "image/png", asked.references[1].data),
        ("mask", "mask.png", "image/png", await PlainImaging().alpha_mask(asked.mask.data)),
    )
    assert received.values["n"] == "1"
    assert received.values["input_fidelity"] == "high"
    assert received.headers["idempotency-key"] == ORDER_KEY


@pytest.mark.parametrize("form", [Format.GIF, Format.AVIF])
async def test_input_formats_that_the_api_does_not_take_are_refused_here(
    openai: OpenAIImages, vendor: FakeOpenAI, form: Format
) -> None:
    asked = order(references=1)
    changed = Order(
        plan=asked.plan, references=(Input(data=b"x", format=form),), mask=None, key="k"
    )
    with pytest.raises(Unsupported):
        await openai.edit(changed, Watched())
    assert not vendor.received


async def test_a_json_edit_sends_images_and_mask_as_data_urls(vendor: FakeOpenAI) -> None:
    provider = build(configured(vendor, edits="images"), parts())
    asked = order(references=16, mask=True)
    await provider.edit(asked, Watched())
    await provider.close()
    received = vendor.received[0]
    assert asked.mask is not None
    assert (received.path, received.files) == ("/v1/images/edits", ())
    assert received.values["images"] == [{"image_url": url(each.data)} for each in asked.references]
    mask = await PlainImaging().alpha_mask(asked.mask.data)
    assert received.values["mask"] == {"image_url": url(mask)}


def url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def test_the_operators_headers_and_account_are_sent(vendor: FakeOpenAI) -> None:
    config = configured(
        vendor,
        organization="org-1",
        project="proj-1",
        headers={"x-team": Secret("design")},
        query={"region": "eu"},
    )
    provider = build(config, parts())
    await ask_for(provider)
    await provider.close()
    received = vendor.received[0]
    assert received.query == "region=eu"
    sent = {name: received.headers[name] for name in ("x-team", "openai-project")}
    assert sent == {"x-team": "design", "openai-project": "proj-1"}
    assert received.headers["openai-organization"] == "org-1"


async def test_a_models_options_are_parameters(openai: OpenAIImages, vendor: FakeOpenAI) -> None:
    await ask_for(openai, options=(("complexity", "low"), ("frame_count", 9)))
    assert vendor.received[0].values["complexity"] == "low"
    assert vendor.received[0].values["frame_count"] == 9


async def test_discovery_lists_makers_of_pictures_and_their_ends(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    assert await openai.discover() == (
        Found(upstream="gpt-image-2.5-flare", like="gpt-image-2.5-flare"),
        Found(upstream="gpt-image-1.5", ends=date(2026, 12, 1), like="gpt-image-1.5"),
        Found(upstream="chatgpt-image-latest", like="chatgpt-image-latest"),
        Found(upstream="gpt-image-3-aurora", like="gpt-image-2.6-flare"),
    )
    assert not vendor.calls()


@pytest.mark.parametrize("as_url", ["own", "data"])
async def test_pictures_may_come_as_addresses(
    openai: OpenAIImages, vendor: FakeOpenAI, as_url: str
) -> None:
    vendor.replies.append(Reply(as_url=as_url))
    delivery = await ask_for(openai, ask={"n": 2})
    assert made(delivery) == [("png", 96, 64, False)] * 2
    fetched = [each for each in vendor.received if each.path.startswith("/files")]
    assert not [each for each in fetched if "authorization" in each.headers]


async def test_pictures_at_private_addresses_are_not_fetched(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    with FakeOpenAI() as other:
        vendor.replies.append(Reply(as_url=f"{other.origin}/files/64x64.png"))
        assert isinstance(await failure(openai), OutcomeUnknown)
        vendor.replies.append(Reply(as_url=f"https://127.0.0.1:{other.origin[-5:]}/x.png"))
        assert isinstance(await failure(openai), OutcomeUnknown)
        assert not other.received


async def test_the_pictures_that_can_be_read_are_delivered(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    body = b'{"data":[{"b64_json":"!!"},{"b64_json":" AA\\nAA "},{},7,{"url":"ftp://x"}]}'
    vendor.replies.append(Reply(body=body))
    delivery = await ask_for(openai, ask={"n": 5})
    assert [picture.data for picture in delivery.pictures] == [b"\0\0\0"]
    assert delivery.usage is None


async def test_more_pictures_than_asked_are_not_delivered(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(pictures=3))
    delivery = await ask_for(openai)
    assert len(delivery.pictures) == 1
    assert delivery.usage is not None
    assert delivery.usage.pictures == 3


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (
            USAGE,
            Usage(pictures=1, text_tokens=10, image_tokens=40, output_tokens=1756),
        ),
        (
            {"input_tokens": 50, "output_tokens": 7},
            Usage(pictures=1, text_tokens=50, image_tokens=0, output_tokens=7),
        ),
        (
            {"output_tokens": -5, "input_tokens_details": {"text_tokens": 10**30}},
            Usage(pictures=1, text_tokens=10**30, output_tokens=-5),
        ),
        ({"output_tokens": "7", "input_tokens": True}, Usage(pictures=1)),
        ({"output_tokens": 7.0, "input_tokens_details": []}, Usage(pictures=1)),
        (None, None),
        ("much", None),
    ],
)
async def test_usage_is_read_as_reported(
    openai: OpenAIImages, vendor: FakeOpenAI, reported: object, usage: Usage | None
) -> None:
    vendor.replies.append(Reply(usage=reported))
    assert (await ask_for(openai)).usage == usage


async def test_input_tokens_of_an_edit_count_as_images_if_not_told_apart(
    openai: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(usage={"input_tokens": 50, "output_tokens": 7}))
    delivery = await openai.edit(order(references=1), Watched())
    assert delivery.usage is not None
    assert (delivery.usage.text_tokens, delivery.usage.image_tokens) == (0, 50)


async def test_the_requests_id_is_kept(openai: OpenAIImages, vendor: FakeOpenAI) -> None:
    assert (await ask_for(openai)).request == "req_fake_1"
    vendor.replies.append(Reply(headers={"x-request-id": "<script>"}))
    assert (await ask_for(openai)).request is None


async def test_a_ping_asks_for_the_models(openai: OpenAIImages, vendor: FakeOpenAI) -> None:
    await openai.ping()
    assert vendor.received[0].path == "/v1/models"
    assert not vendor.calls()


async def test_a_ping_tells_what_is_wrong(vendor: FakeOpenAI) -> None:
    stranger = build(configured(vendor, api_key=Secret("sk-wrong")), parts())
    with pytest.raises(ProviderMisconfigured):
        await stranger.ping()
    away = build(Config(base_url="http://127.0.0.1:1/v1"), parts())
    with pytest.raises(ProviderUnavailable):
        await away.ping()
    await stranger.close()
    await away.close()


def test_settings_make_a_config_from_text() -> None:
    config = TypeAdapter(Config).validate_python(
        {"api_key": KEY, "headers": {"x-a": "b"}, "proxy": "http://user:word@proxy:3128"}
    )
    assert config.api_key == Secret(KEY)
    assert KEY not in repr(config)
    assert "word" not in repr(config)


def test_settings_with_an_unknown_key_are_refused() -> None:
    with pytest.raises(ValidationError, match="chargs"):
        TypeAdapter(Config).validate_python({"chargs": False})


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://x"},
        {"base_url": "https://user:pa55@x/v1"},
        {"base_url": "https://x/v1?key=1"},
        {"base_url": "x"},
        {"api_key": Secret("k"), "picture_bytes": 0},
        {"total_timeout": 0},
        {"concurrency": 0},
        {"retries": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # sentences differ; none quotes a value
        Config(**wrong)
    assert "pa55" not in str(caught.value)
