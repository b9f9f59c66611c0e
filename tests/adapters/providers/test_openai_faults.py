"""What each failure of a vendor becomes, and which requests are sent again."""

import pytest

from imagewright.adapters.providers.openai import Config, OpenAIImages, build
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
)
from tests.adapters.providers.openai_setup import failure
from tests.fakes.openai_images import FakeOpenAI, error, moderation
from tests.fakes.orders import KEY as ORDER_KEY
from tests.fakes.orders import Time, Watched, order, parts
from tests.fakes.vendor import VENDOR_WORDS, Reply, Way, html

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
    openai: OpenAIImages,
    vendor: FakeOpenAI,
    reply: Reply,
    expected: type[Fault],
    details: dict[str, object],
) -> None:
    vendor.replies.append(reply)
    fault = await failure(openai)
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
    openai: OpenAIImages, vendor: FakeOpenAI, reply: Reply
) -> None:
    vendor.replies.append(reply)
    assert type(await failure(openai)) is OutcomeUnknown
    assert vendor.calls() == 1


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
    openai: OpenAIImages, vendor: FakeOpenAI, time: Time, reply: Reply, slept: float
) -> None:
    vendor.replies.append(reply)
    watched = Watched()
    delivery = await openai.generate(order(), watched)
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
    openai: OpenAIImages, vendor: FakeOpenAI, reply: Reply, expected: type[Fault]
) -> None:
    vendor.replies.append(reply)
    assert type(await failure(openai)) is expected
    assert vendor.calls() == 1
