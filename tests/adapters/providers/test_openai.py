import json
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter

from imagewright.adapters.providers.openai import Config, OpenAIImages, build
from imagewright.core.ask import Background, Fidelity, Moderation, Quality
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Input, Order, Provider
from tests.contracts.provider import ProviderContract, made
from tests.fakes.openai_images import (
    KEY,
    USAGE,
    VENDOR_WORDS,
    FakeOpenAI,
    Reply,
    Way,
    error,
    html,
    moderation,
)
from tests.fakes.orders import KEY as ORDER_KEY
from tests.fakes.orders import PROMPT, Time, Watched, order, parts
from tests.fakes.pictures import encoded


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeOpenAI) -> FakeOpenAI:
    running.forget()
    return running


@pytest.fixture
def time() -> Time:
    return Time()


def configured(vendor: FakeOpenAI, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


@pytest.fixture
async def provider(vendor: FakeOpenAI, time: Time) -> AsyncIterator[OpenAIImages]:
    provider = build(configured(vendor, total_timeout=200.0), parts(time))
    yield provider
    await provider.close()


class TestOpenAI(ProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)

    @pytest.fixture
    async def slow(self, vendor: FakeOpenAI) -> AsyncIterator[Provider]:
        vendor.replies.append(Reply(way=Way.HANG))
        provider = build(configured(vendor), parts())
        yield provider
        await provider.close()


async def failure(provider: Provider, asked: Order | None = None) -> Fault:
    with pytest.raises(Fault) as caught:
        await provider.generate(asked or order(), Watched())
    shown = "".join(traceback.format_exception(caught.value)) + json.dumps(caught.value.public())
    assert not [word for word in (VENDOR_WORDS, KEY, PROMPT) if word in shown]
    assert caught.value.__context__ is None
    return caught.value


async def ask_for(provider: Provider, **changes: Any) -> Delivery:
    return await provider.generate(order(**changes), Watched())


async def test_a_generation_sends_what_the_plan_has_set(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    await ask_for(
        provider,
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
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    await ask_for(provider, size=None)
    assert set(vendor.received[0].values) == {"model", "prompt", "n", "output_format"}


async def test_seed_and_negative_prompt_are_sent_where_planned(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(body=b'{"data":[{"b64_json":"AAAA","seed":8}]}'))
    delivery = await ask_for(provider, ask={"seed": 7}, negative_prompt="dogs")
    assert vendor.received[0].values["seed"] == 7
    assert vendor.received[0].values["negative_prompt"] == "dogs"
    assert delivery.pictures[0].seed == 8


async def test_an_edit_sends_images_and_mask_as_files(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    asked = order(references=2, mask=True, ask={"input_fidelity": Fidelity.HIGH})
    await provider.edit(asked, Watched())
    received = vendor.received[0]
    assert received.path == "/v1/images/edits"
    assert asked.mask is not None
    assert received.files == (
        ("image[]", "image-1.png", "image/png", asked.references[0].data),
        ("image[]", "image-2.png", "image/png", asked.references[1].data),
        ("mask", "mask.png", "image/png", asked.mask.data),
    )
    assert received.values["n"] == "1"
    assert received.values["input_fidelity"] == "high"
    assert received.headers["idempotency-key"] == ORDER_KEY


@pytest.mark.parametrize("form", [Format.GIF, Format.AVIF])
async def test_input_formats_that_the_api_does_not_take_are_refused_here(
    provider: OpenAIImages, vendor: FakeOpenAI, form: Format
) -> None:
    asked = order(references=1)
    changed = Order(
        plan=asked.plan, references=(Input(data=b"x", format=form),), mask=None, key="k"
    )
    with pytest.raises(Unsupported):
        await provider.edit(changed, Watched())
    assert not vendor.received


async def test_a_mask_must_be_png(provider: OpenAIImages) -> None:
    asked = order(references=1)
    mask = Input(data=encoded(form="webp"), format=Format.WEBP)
    changed = Order(plan=asked.plan, references=asked.references, mask=mask, key="k")
    with pytest.raises(Unsupported):
        await provider.edit(changed, Watched())


async def test_quirks_change_what_is_sent(vendor: FakeOpenAI) -> None:
    vendor.replies.append(Reply(body=b'{"data":[{"b64_json":"AAAA"}]}'))
    config = configured(
        vendor,
        key_header="api-key",
        organization="org-1",
        project="proj-1",
        headers={"x-team": Secret("design")},
        query={"api-version": "2025-04-01"},
        send_model=False,
        send_output_format=False,
    )
    provider = build(config, parts())
    await ask_for(provider)
    await provider.close()
    received = vendor.received[0]
    assert set(received.values) == {"prompt", "n", "size"}
    assert received.query == "api-version=2025-04-01"
    assert "authorization" not in received.headers
    sent = {name: received.headers[name] for name in ("api-key", "x-team", "openai-project")}
    assert sent == {"api-key": KEY, "x-team": "design", "openai-project": "proj-1"}
    assert received.headers["openai-organization"] == "org-1"


@pytest.mark.parametrize("as_url", ["own", "data"])
async def test_pictures_may_come_as_addresses(
    provider: OpenAIImages, vendor: FakeOpenAI, as_url: str
) -> None:
    vendor.replies.append(Reply(as_url=as_url))
    delivery = await ask_for(provider, ask={"n": 2})
    assert made(delivery) == [("png", 96, 64, False)] * 2
    fetched = [each for each in vendor.received if each.path.startswith("/files")]
    assert not [each for each in fetched if "authorization" in each.headers]


async def test_pictures_at_private_addresses_are_not_fetched(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    with FakeOpenAI() as other:
        vendor.replies.append(Reply(as_url=f"{other.origin}/files/64x64.png"))
        assert isinstance(await failure(provider), OutcomeUnknown)
        vendor.replies.append(Reply(as_url=f"https://127.0.0.1:{other.origin[-5:]}/x.png"))
        assert isinstance(await failure(provider), OutcomeUnknown)
        assert not other.received


async def test_the_pictures_that_can_be_read_are_delivered(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    body = b'{"data":[{"b64_json":"!!"},{"b64_json":" AA\\nAA "},{},7,{"url":"ftp://x"}]}'
    vendor.replies.append(Reply(body=body))
    delivery = await ask_for(provider, ask={"n": 5})
    assert [picture.data for picture in delivery.pictures] == [b"\0\0\0"]
    assert delivery.usage is None


async def test_more_pictures_than_asked_are_not_delivered(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(pictures=3))
    delivery = await ask_for(provider)
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
    provider: OpenAIImages, vendor: FakeOpenAI, reported: object, usage: Usage | None
) -> None:
    vendor.replies.append(Reply(usage=reported))
    assert (await ask_for(provider)).usage == usage


async def test_input_tokens_of_an_edit_count_as_images_if_not_told_apart(
    provider: OpenAIImages, vendor: FakeOpenAI
) -> None:
    vendor.replies.append(Reply(usage={"input_tokens": 50, "output_tokens": 7}))
    delivery = await provider.edit(order(references=1), Watched())
    assert delivery.usage is not None
    assert (delivery.usage.text_tokens, delivery.usage.image_tokens) == (0, 50)


async def test_the_requests_id_is_kept(provider: OpenAIImages, vendor: FakeOpenAI) -> None:
    assert (await ask_for(provider)).request == "req_fake_1"
    vendor.replies.append(Reply(headers={"x-request-id": "<script>"}))
    assert (await ask_for(provider)).request is None


REFUSALS: list[tuple[Reply, type[Fault], dict[str, object]]] = [
    (moderation(), ModerationBlocked, {"stage": "output", "categories": ["sexual"]}),
    (
        moderation("content_policy_violation"),
        ModerationBlocked,
        {"stage": "output", "categories": ["sexual"]},
    ),
    (error(400, "contentFilter"), ModerationBlocked, {}),
    (
        error(400, None, type="content_policy_violation", moderation_details={"categories": 7}),
        ModerationBlocked,
        {},
    ),
    (error(400, "invalid_value", param="size"), ProviderRejected, {"param": "size"}),
    (
        error(400, "invalid_value", param="images[0].image_url"),
        ProviderRejected,
        {"param": "image"},
    ),
    (error(400, "invalid_value", param=VENDOR_WORDS), ProviderRejected, {}),
    (error(400, "invalid_value", param=["size"]), ProviderRejected, {}),
    (Reply(status=400, body=b'{"error":"prompt required"}'), ProviderRejected, {}),
    (Reply(status=422, body=b'{"detail":[]}'), ProviderRejected, {}),
    (html(413), ProviderRejected, {}),
    (error(400, "billing_hard_limit_reached"), ProviderQuota, {}),
    (error(402, None), ProviderQuota, {}),
    (error(403, "insufficient_user_quota"), ProviderQuota, {}),
    (error(429, "insufficient_quota"), ProviderQuota, {}),
    (error(500, "insufficient_quota"), ProviderQuota, {}),
    (error(401, "invalid_api_key"), ProviderMisconfigured, {}),
    (error(403, None), ProviderMisconfigured, {}),
    (error(404, "model_not_found"), ProviderMisconfigured, {"model": "the-model"}),
    (error(400, "model_not_found"), ProviderMisconfigured, {"model": "the-model"}),
    (error(404, None, param="model"), ProviderMisconfigured, {"model": "the-model"}),
    (html(404), ProviderMisconfigured, {}),
    (error(500, "server_error"), ProviderUnavailable, {}),
    (Reply(status=500, body=b'{"error":"out of memory"}'), ProviderUnavailable, {}),
    (error(502, None), ProviderUnavailable, {}),
    (error(503, None), ProviderUnavailable, {}),
    (error(529, None), ProviderUnavailable, {}),
    (Reply(body=b'{"error":{"code":"moderation_blocked"}}'), ModerationBlocked, {}),
    (Reply(body=b'{"error":{"code":"insufficient_quota"}}'), ProviderQuota, {}),
    (
        error(429, None, headers={"retry-after": "121"}),
        ProviderBusy,
        {"retry_after": 121.0},
    ),
    (error(429, None, headers={"x-should-retry": "false"}), ProviderBusy, {}),
    (error(409, None, headers={"x-should-retry": "false"}), ProviderUnavailable, {}),
]


@pytest.mark.parametrize(("reply", "expected", "details"), REFUSALS)
async def test_a_refusal_becomes_a_fault_of_ours_at_once(
    provider: OpenAIImages,
    vendor: FakeOpenAI,
    reply: Reply,
    expected: type[Fault],
    details: dict[str, object],
) -> None:
    vendor.replies.append(reply)
    fault = await failure(provider)
    assert type(fault) is expected
    assert fault.details == details
    assert vendor.calls() == 1


UNKNOWN = [
    Reply(way=Way.CLOSE_BEFORE_HEADERS),
    Reply(way=Way.CLOSE_AFTER_HEADERS),
    Reply(way=Way.CLOSE_MID_BODY),
    html(200),
    html(500),
    html(502),
    html(503),
    html(504),
    error(504, None),
    error(408, None),
    error(507, None),
    Reply(status=500, body=b""),
    Reply(status=502, body=b'{"status":"bad gateway"}'),
    Reply(body=b""),
    Reply(body=b"null"),
    Reply(body=b"[" * 100_000),
    Reply(body=b'{"data":[]}'),
    Reply(body=b'{"data":{}}'),
    Reply(body=b'{"data":[{"b64_json":""}]}'),
    Reply(body=b'{"data":[{"b64_json":"AAA'),
    Reply(body=b'{"error":{"code":"server_error"}}'),
    Reply(status=202, body=b'{"task_id":"7"}'),
    Reply(status=303, body=b"", headers={"location": "/v1/images/7"}),
    Reply(body=b"x", headers={"content-encoding": "gzip"}),
]


@pytest.mark.parametrize("reply", UNKNOWN)
async def test_what_may_have_been_charged_is_an_unknown_outcome_and_not_tried_again(
    provider: OpenAIImages, vendor: FakeOpenAI, reply: Reply
) -> None:
    vendor.replies.append(reply)
    assert type(await failure(provider)) is OutcomeUnknown
    assert vendor.calls() == 1


@pytest.mark.parametrize("reply", UNKNOWN)
async def test_a_server_that_charges_nothing_leaves_nothing_unknown(
    vendor: FakeOpenAI, reply: Reply
) -> None:
    vendor.replies.append(reply)
    provider = build(configured(vendor, charges=False), parts())
    assert type(await failure(provider)) in {ProviderBadAnswer, ProviderUnavailable}
    await provider.close()


@pytest.mark.parametrize("way", [Way.HANG, Way.DRIP])
async def test_a_late_answer_is_an_unknown_outcome(vendor: FakeOpenAI, way: Way) -> None:
    vendor.replies.append(Reply(way=way))
    provider = build(configured(vendor, total_timeout=0.4), parts())
    assert type(await failure(provider)) is OutcomeUnknown
    await provider.close()


async def test_silence_between_bytes_ends_a_call(vendor: FakeOpenAI) -> None:
    vendor.replies.append(Reply(way=Way.HANG))
    provider = build(configured(vendor, read_timeout=0.2), parts())
    assert type(await failure(provider)) is OutcomeUnknown
    await provider.close()


@pytest.mark.parametrize("headers", [{}, {"transfer-encoding": "chunked"}])
async def test_an_answer_beyond_the_limit_is_an_unknown_outcome(
    vendor: FakeOpenAI, headers: dict[str, str]
) -> None:
    vendor.replies.append(Reply(body=b" " * 100_000, headers=headers))
    provider = build(configured(vendor, picture_bytes=1000), parts())
    assert type(await failure(provider)) is OutcomeUnknown
    await provider.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_never_followed(
    provider: OpenAIImages, vendor: FakeOpenAI, status: int
) -> None:
    with FakeOpenAI() as other:
        location = f"{other.base_url}/images/generations"
        vendor.replies.append(Reply(status=status, body=b"", headers={"location": location}))
        assert type(await failure(provider)) is ProviderMisconfigured
        assert not other.received


async def test_a_refused_connection_is_tried_again_and_then_told(time: Time) -> None:
    config = Config(base_url="http://127.0.0.1:1/v1", api_key=Secret(KEY))
    provider = build(config, parts(time, chances=[0.0, 1.0]))
    assert type(await failure(provider)) is ProviderUnavailable
    assert time.slept == [0.5, 0.75]
    await provider.close()


async def test_tls_that_cannot_be_made_was_not_sent(vendor: FakeOpenAI, time: Time) -> None:
    config = Config(base_url=vendor.base_url.replace("http:", "https:"), retries=0)
    provider = build(config, parts(time))
    assert type(await failure(provider)) is ProviderUnavailable
    await provider.close()


LIMIT = "rate_limit_exceeded"
SHOULD = {"x-should-retry": "true"}


@pytest.mark.parametrize(
    ("reply", "slept"),
    [
        (error(429, LIMIT), 0.5),
        (error(429, LIMIT, headers={"retry-after": "7"}), 7.0),
        (error(429, LIMIT, headers={"retry-after": "7", "retry-after-ms": "250"}), 0.25),
        (error(429, LIMIT, headers={"retry-after": "120"}), 120.0),
        (error(429, LIMIT, headers={"retry-after": "Fri, 21 Nov 2025 04:40:30 GMT"}), 30.0),
        (error(429, LIMIT, headers={"retry-after": "soon"}), 0.5),
        (error(429, LIMIT, headers={"retry-after": "nan", "retry-after-ms": "-1"}), 0.5),
        (html(429), 0.5),
        (error(409, None), 0.5),
        (error(408, None, headers=SHOULD), 0.5),
        (error(500, None, headers=SHOULD), 0.5),
        (error(503, None, headers={**SHOULD, "retry-after": "2"}), 2.0),
    ],
)
async def test_what_surely_was_not_accepted_is_tried_again(
    provider: OpenAIImages, vendor: FakeOpenAI, time: Time, reply: Reply, slept: float
) -> None:
    vendor.replies.append(reply)
    watched = Watched()
    delivery = await provider.generate(order(), watched)
    assert len(delivery.pictures) == 1
    assert time.slept == [slept]
    assert [each.headers["idempotency-key"] for each in vendor.received] == [ORDER_KEY] * 2


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(504, None, headers=SHOULD), OutcomeUnknown),
        (Reply(status=503, body=b"<html>", headers=SHOULD), OutcomeUnknown),
        (error(429, "insufficient_quota", headers=SHOULD), ProviderQuota),
        (error(503, None, headers={"x-should-retry": "false"}), ProviderUnavailable),
    ],
)
async def test_a_wish_to_be_asked_again_is_not_enough(
    provider: OpenAIImages, vendor: FakeOpenAI, reply: Reply, expected: type[Fault]
) -> None:
    vendor.replies.append(reply)
    assert type(await failure(provider)) is expected
    assert vendor.calls() == 1


async def test_attempts_are_counted(provider: OpenAIImages, vendor: FakeOpenAI, time: Time) -> None:
    vendor.replies.extend([error(429, LIMIT)] * 5)
    assert type(await failure(provider)) is ProviderBusy
    assert vendor.calls() == 3
    assert time.slept == [0.5, 1.0]


async def test_no_attempt_begins_after_the_deadline(vendor: FakeOpenAI, time: Time) -> None:
    vendor.replies.append(error(429, LIMIT, headers={"retry-after": "60"}))
    provider = build(configured(vendor, total_timeout=50.0), parts(time))
    fault = await failure(provider)
    assert type(fault) is ProviderBusy
    assert fault.details == {"retry_after": 60.0}
    assert vendor.calls() == 1
    await provider.close()


async def test_a_ping_asks_for_the_models(provider: OpenAIImages, vendor: FakeOpenAI) -> None:
    await provider.ping()
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


async def test_at_most_so_many_requests_run_at_once(vendor: FakeOpenAI) -> None:
    vendor.replies.append(Reply(way=Way.HANG))
    provider = build(configured(vendor, concurrency=1, total_timeout=0.3, retries=0), parts())
    assert type(await failure(provider)) is OutcomeUnknown
    assert len((await ask_for(provider)).pictures) == 1
    await provider.close()


def test_settings_make_a_config_from_text() -> None:
    config = TypeAdapter(Config).validate_python(
        {"api_key": KEY, "headers": {"x-a": "b"}, "proxy": "http://user:word@proxy:3128"}
    )
    assert config.api_key == Secret(KEY)
    assert KEY not in repr(config)
    assert "word" not in repr(config)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://x"},
        {"base_url": "https://user:pa55@x/v1"},
        {"base_url": "https://x/v1?key=1"},
        {"base_url": "x"},
        {"total_timeout": 0},
        {"concurrency": 0},
        {"retries": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # sentences differ; none quotes a value
        Config(**wrong)
    assert "pa55" not in str(caught.value)


async def test_debug_logs_of_the_library_hold_no_key(
    provider: OpenAIImages, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ask_for(provider)
    assert KEY not in caplog.text
    assert PROMPT not in caplog.text
