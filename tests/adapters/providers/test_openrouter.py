from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.providers.openrouter import Config, OpenRouter, build
from imagewright.core.ask import Background, Quality
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderMisconfigured,
    Unsupported,
)
from imagewright.core.money import Nano
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.size import Size
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Parts, Provider
from tests.contracts.http_provider import HttpProviderContract, shown
from tests.contracts.provider import Edits, Transparent, made
from tests.fakes.openrouter import (
    BUFFERED,
    EVENTS,
    KEY,
    MODEL,
    USAGE,
    FakeOpenRouter,
    error,
    events,
    flagged,
)
from tests.fakes.orders import PROMPT, Time, Watched, order, parts
from tests.fakes.vendor import VENDOR_WORDS, Reply, Way

WIDE: dict[str, Any] = {"size": Size(1264, 848), "size_name": "3:2/1K"}


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenRouter]:
    with FakeOpenRouter() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeOpenRouter) -> FakeOpenRouter:
    running.forget()
    return running


def configured(vendor: FakeOpenRouter, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


@pytest.fixture
async def router(vendor: FakeOpenRouter) -> AsyncIterator[OpenRouter]:
    provider = build(configured(vendor), parts(Time()))
    yield provider
    await provider.close()


class TestOpenRouter(Transparent, Edits, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    moderated: ClassVar[tuple[Reply, ...]] = (flagged(), flagged(200))
    exhausted: ClassVar[tuple[Reply, ...]] = (error(402),)

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, headers)


async def ask_for(provider: Provider, **changes: Any) -> Delivery:
    return await provider.generate(order(**changes), Watched())


async def test_a_generation_sends_what_the_plan_has_set(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    await ask_for(
        router,
        form=Format.WEBP,
        ask={"n": 2, "seed": 7},
        upstream=MODEL,
        quality=Quality.HIGH,
        background=Background.TRANSPARENT,
        output_compression=70,
        **WIDE,
    )
    received = vendor.received[0]
    assert received.path == "/api/v1/images"
    assert received.values == {
        "model": MODEL,
        "prompt": PROMPT,
        "n": 2,
        "aspect_ratio": "3:2",
        "resolution": "1K",
        "quality": "high",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 70,
        "seed": 7,
    }
    assert received.headers["authorization"] == f"Bearer {KEY}"


async def test_what_the_plan_leaves_open_is_not_sent(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    await ask_for(router, size=None, options=(("output_format", False),))
    assert vendor.received[0].values == {"model": "the-upstream", "prompt": PROMPT}


async def test_a_size_without_a_name_is_sent_as_pixels(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    await ask_for(router)
    assert vendor.received[0].values["size"] == "96x64"
    assert "aspect_ratio" not in vendor.received[0].values


async def test_references_are_sent_as_data_urls(router: OpenRouter, vendor: FakeOpenRouter) -> None:
    await router.edit(order(references=2), Watched())
    sent = vendor.received[0].values["input_references"]
    assert [each["type"] for each in sent] == ["image_url"] * 2
    assert all(each["image_url"]["url"].startswith("data:image/png;base64,") for each in sent)
    with pytest.raises(Unsupported):
        await router.edit(order(references=1, mask=True), Watched())


async def test_vendors_are_chosen_and_left_out_by_the_config(vendor: FakeOpenRouter) -> None:
    provider = build(configured(vendor, only=("google-vertex",), ignore=("azure",)), parts())
    await ask_for(provider)
    await provider.close()
    assert vendor.received[0].values["provider"] == {"only": ["google-vertex"], "ignore": ["azure"]}


async def test_the_seed_of_one_picture_is_told(router: OpenRouter) -> None:
    assert (await ask_for(router, ask={"seed": 7})).pictures[0].seed == 7
    several = await ask_for(router, ask={"seed": 7, "n": 2})
    assert [each.seed for each in several.pictures] == [None, None]


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (USAGE, Usage(pictures=1, output_tokens=1293, cost=Nano(34_912_500))),
        ({"cost": 0.0000000001}, Usage(pictures=1, cost=Nano(1))),
        ({"cost": 0}, Usage(pictures=1, cost=Nano(0))),
        ({"cost": 0.1 + 0.2}, Usage(pictures=1, cost=Nano(300_000_001))),
        (
            {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.04}},
            Usage(pictures=1, cost=Nano(41_000_000)),
        ),
        ({"cost": 0.001, "is_byok": True}, Usage(pictures=1)),
        ({"cost": 0.001, "is_byok": True, "cost_details": {}}, Usage(pictures=1)),
        ({"cost": -1}, Usage(pictures=1)),
        ({"cost": "0.04"}, Usage(pictures=1)),
        ({"cost": True}, Usage(pictures=1)),
        ({"cost": None, "completion_tokens": "7"}, Usage(pictures=1)),
        ({"cost": float("nan")}, Usage(pictures=1)),
        ({"cost": float("inf")}, Usage(pictures=1)),
        (None, None),
        ("much", None),
    ],
)
async def test_the_price_in_the_answer_is_what_it_cost(
    router: OpenRouter, vendor: FakeOpenRouter, reported: object, usage: Usage | None
) -> None:
    vendor.replies.append(Reply(usage=reported))
    assert (await ask_for(router)).usage == usage


async def test_more_pictures_than_asked_are_counted_and_not_delivered(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    vendor.replies.append(Reply(pictures=3))
    delivery = await ask_for(router)
    assert len(delivery.pictures) == 1
    assert delivery.usage is not None
    assert delivery.usage.pictures == 3


async def test_the_pictures_that_can_be_read_are_delivered(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    body = b'{"data":[{"b64_json":"!!"},{"b64_json":"AAAA"},{},7,{"b64_json":7}]}'
    vendor.replies.append(Reply(body=body))
    delivery = await ask_for(router, ask={"n": 5})
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]


async def test_partial_images_are_told_up_to_as_many_as_were_asked(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    watched = Watched()
    delivery = await router.generate(order(ask={"n": 2, "partial_images": 2}), watched)
    assert made(delivery) == [("png", 96, 64, False)] * 2
    assert sorted(index for index, _ in watched.partials) == [0, 1, 2, 3]
    assert delivery.usage == Usage(pictures=2, output_tokens=2586, cost=Nano(69_825_000))
    assert [each.values["stream"] for each in vendor.received] == [True, True]


async def test_a_model_that_does_not_stream_answers_at_once(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    vendor.replies.append(Reply(usage=BUFFERED))
    delivery = await ask_for(router, ask={"partial_images": 1})
    assert delivery.usage == Usage(pictures=1, cost=Nano(10_000_000))


DONE = {"type": "image_generation.completed", "b64_json": "AAAA"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (events({"type": "error", "error": {"message": VENDOR_WORDS}}), OutcomeUnknown),
        (
            events({"type": "error", "error": {"code": "content_policy_violation"}}),
            ModerationBlocked,
        ),
        (events({**DONE, "b64_json": "!!"}), OutcomeUnknown),
        (events({**DONE, "type": "image_generation.partial_image"}), OutcomeUnknown),
        (b"", OutcomeUnknown),
    ],
)
async def test_a_stream_without_a_picture_says_what_it_proves(
    router: OpenRouter, vendor: FakeOpenRouter, body: bytes, expected: type[Fault]
) -> None:
    vendor.replies.append(Reply(body=body, headers=EVENTS))
    with pytest.raises(expected) as caught:
        await ask_for(router, ask={"partial_images": 1})
    assert VENDOR_WORDS not in shown(caught.value)


async def test_a_stream_that_breaks_off_behind_the_picture_has_delivered_it(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    body = events(DONE) + b":" * len(events(DONE)) * 2
    vendor.replies.append(Reply(body=body, headers=EVENTS, way=Way.CLOSE_MID_BODY))
    delivery = await ask_for(router, ask={"partial_images": 1})
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]


async def test_an_error_with_status_200_proves_nothing(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    vendor.replies.append(replace(error(502), status=200))
    with pytest.raises(OutcomeUnknown):
        await ask_for(router)


async def test_a_refusal_for_safety_is_told_from_a_refusal_of_the_key(
    router: OpenRouter, vendor: FakeOpenRouter
) -> None:
    vendor.replies.extend([flagged(), error(403)])
    with pytest.raises(ModerationBlocked) as caught:
        await ask_for(router)
    assert VENDOR_WORDS not in shown(caught.value)
    with pytest.raises(ProviderMisconfigured):
        await ask_for(router)


async def test_the_requests_id_is_kept(router: OpenRouter, vendor: FakeOpenRouter) -> None:
    assert (await ask_for(router)).request == "req_fake_1"
    vendor.replies.append(Reply(headers={"x-generation-id": "gen-1"}))
    assert (await ask_for(router)).request == "gen-1"
    vendor.replies.append(Reply(headers={"x-request-id": "<script>"}))
    assert (await ask_for(router)).request is None


async def test_a_ping_asks_about_the_key(router: OpenRouter, vendor: FakeOpenRouter) -> None:
    await router.ping()
    assert [each.path for each in vendor.received] == ["/api/v1/key"]
    stranger = build(configured(vendor, api_key=Secret("wrong")), parts())
    with pytest.raises(ProviderMisconfigured):
        await stranger.ping()
    await stranger.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "https://user:pa55@x/v1"},
        {"base_url": "https://x/v1?key=pa55"},
        {"concurrency": 0},
        {"retries": -1},
        {"only": ("Google Vertex",)},
        {"ignore": ("",)},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # sentences differ; none quotes a value
        Config(**wrong)
    assert "pa55" not in str(caught.value)


def test_settings_make_a_config_from_text() -> None:
    made = TypeAdapter(Config).validate_python({"api_key": KEY, "only": ["google-vertex"]})
    assert made.only == ("google-vertex",)
    assert KEY not in repr(made)
    with pytest.raises(ValidationError, match="onli"):
        TypeAdapter(Config).validate_python({"onli": []})
