"""Orders that may take hours: one batch each, asked after until it has ended."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from imagewright.adapters.providers.openai import OpenAIImages, build
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
from imagewright.ports.provider import Delivery, Economical, NotYet, Order
from tests.adapters.providers.openai_setup import configured
from tests.contracts.http_provider import shown
from tests.contracts.provider import made
from tests.fakes.openai_batches import FakeBatches
from tests.fakes.openai_images import KEY, USAGE, error, moderation
from tests.fakes.orders import PROMPT, Time, Watched, order, parts
from tests.fakes.vendor import VENDOR_WORDS, Reply, Way, html

NOON = 1_763_700_000
HOUR = 3600.0
ECONOMY: dict[str, Any] = {"economy": 24}


@pytest.fixture
def vendor() -> Iterator[FakeBatches]:
    with FakeBatches() as found:
        yield found


@pytest.fixture
def time() -> Time:
    return Time(NOON)


@pytest.fixture
async def provider(vendor: FakeBatches, time: Time) -> AsyncIterator[OpenAIImages]:
    found = build(configured(vendor, retries=0), parts(time))
    yield found
    await found.close()


def slow(references: int = 0, *, until: float | None = None, **ask: Any) -> Order:
    found = order(references=references, ask={**ECONOMY, **ask})
    moment = None if until is None else int((NOON + until) * 1_000_000)
    return Order(plan=found.plan, references=found.references, mask=None, key="job_1", until=moment)


async def submitted(provider: OpenAIImages, wanted: Order | None = None) -> str:
    watched = Watched()
    assert await provider.submit(wanted or slow(), watched) == 60.0
    return watched.requests[-1]


async def collected(provider: OpenAIImages, request: str, wanted: Order | None = None) -> Delivery:
    found = wanted or slow()
    asked = Order(plan=found.plan, references=(), mask=None, key="job_1", until=found.until)
    return await provider.collect(asked, request, Watched())


async def ends(provider: OpenAIImages, request: str, wanted: Order | None = None) -> Fault:
    with pytest.raises(Fault) as raised:
        await collected(provider, request, wanted)
    assert not [word for word in (VENDOR_WORDS, KEY, PROMPT) if word in shown(raised.value)]
    return raised.value


def test_it_has_what_the_service_looks_for(provider: OpenAIImages) -> None:
    assert isinstance(provider, Economical)


async def test_a_batch_is_handed_in_and_its_pictures_fetched(
    provider: OpenAIImages, vendor: FakeBatches
) -> None:
    vendor.states.extend(["validating", "in_progress", "finalizing"])
    request = await submitted(provider, slow(n=2))
    for _ in range(3):
        with pytest.raises(NotYet) as told:
            await collected(provider, request, slow(n=2))
        assert told.value.pause == 60.0
    delivery = await collected(provider, request, slow(n=2))
    assert made(delivery) == [("png", 96, 64, False)] * 2
    assert delivery.usage is not None
    assert delivery.usage.output_tokens == USAGE["output_tokens"]
    assert (delivery.request, vendor.begun) == ("req_batch_1", 1)
    [line] = [json.loads(each) for each in vendor.files["file-0"].splitlines()]
    assert (line["custom_id"], line["url"], line["body"]["n"]) == (
        "job_1",
        "/v1/images/generations",
        2,
    )
    assert vendor.batches["batch_0"]["metadata"] == {"imagewright_order": "job_1"}


async def test_an_edit_is_sent_with_its_pictures(
    provider: OpenAIImages, vendor: FakeBatches
) -> None:
    request = await submitted(provider, slow(2))
    assert len((await collected(provider, request, slow(2))).pictures) == 1
    [line] = [json.loads(each) for each in vendor.files["file-0"].splitlines()]
    assert (line["url"], len(line["body"]["images"])) == ("/v1/images/edits", 2)
    assert vendor.batches["batch_0"]["endpoint"] == "/v1/images/edits"


class TestHandingIn:
    async def test_it_can_be_asked_after_before_it_is_begun(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        vendor.deaf, watched = True, Watched()
        with pytest.raises(OutcomeUnknown):
            await provider.submit(slow(), watched)
        assert len(watched.requests) == 1
        assert len((await collected(provider, watched.requests[0])).pictures) == 1
        assert vendor.begun == 1

    async def test_it_is_found_among_many(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        vendor.deaf, vendor.page, watched = True, 1, Watched()
        with pytest.raises(OutcomeUnknown):
            await provider.submit(slow(), watched)
        for each in range(3):
            other = Order(plan=slow().plan, references=(), mask=None, key=f"other_{each}")
            with pytest.raises(OutcomeUnknown):
                await provider.submit(other, Watched())
        assert len((await collected(provider, watched.requests[0])).pictures) == 1

    async def test_one_that_never_came_is_unknown(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        request = json.dumps({"key": "job_1", "batch": None})
        assert type(await ends(provider, request)) is OutcomeUnknown
        await submitted(provider, Order(plan=slow().plan, references=(), mask=None, key="other"))
        assert type(await ends(provider, request)) is OutcomeUnknown

    @pytest.mark.parametrize(
        ("reply", "fault"),
        [
            (error(401, "invalid_api_key"), ProviderMisconfigured),
            (error(404, None), ProviderMisconfigured),
            (error(429, None), ProviderBusy),
            (error(429, "insufficient_quota"), ProviderQuota),
            (html(502), ProviderUnavailable),
            (Reply(body=b"{}"), ProviderUnavailable),
            (Reply(way=Way.CLOSE_BEFORE_HEADERS), ProviderUnavailable),
        ],
    )
    async def test_a_file_that_does_not_come_costs_nothing(
        self, provider: OpenAIImages, vendor: FakeBatches, reply: Reply, fault: type[Fault]
    ) -> None:
        vendor.troubles.append(reply)
        watched = Watched()
        with pytest.raises(fault):
            await provider.submit(slow(), watched)
        assert (watched.requests, vendor.begun) == ([], 0)

    async def test_an_answer_without_an_id_is_unknown(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        vendor.troubles.extend([Reply(body=b'{"id": "file-9"}'), Reply(body=b'{"id": "../x"}')])
        with pytest.raises(OutcomeUnknown):
            await provider.submit(slow(), Watched())


class TestLooking:
    @pytest.mark.parametrize(
        "reply",
        [
            error(500, None),
            error(429, None),
            error(401, "invalid_api_key"),
            html(200),
            Reply(way=Way.CLOSE_BEFORE_HEADERS),
        ],
    )
    @pytest.mark.parametrize("step", [0, 1])
    async def test_what_does_not_answer_is_asked_again(
        self, provider: OpenAIImages, vendor: FakeBatches, reply: Reply, step: int
    ) -> None:
        request = await submitted(provider)
        if step:
            # The batch is done, and its file does not come.
            await collected(provider, request)
            vendor.troubles.append(Reply(body=json.dumps(vendor.batches["batch_0"]).encode()))
        vendor.troubles.append(reply)
        if step and reply == html(200):
            assert type(await ends(provider, request)) is OutcomeUnknown
            return
        with pytest.raises(NotYet):
            await collected(provider, request)
        assert len((await collected(provider, request)).pictures) == 1

    async def test_a_list_that_does_not_come_is_asked_for_again(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        await submitted(provider)
        vendor.troubles.append(error(500, None))
        with pytest.raises(NotYet):
            await collected(provider, json.dumps({"key": "job_1", "batch": None}))

    async def test_one_that_is_forgotten_is_unknown(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        request = await submitted(provider)
        vendor.batches.clear()
        assert type(await ends(provider, request)) is OutcomeUnknown


class TestEnds:
    @pytest.mark.parametrize(
        ("reply", "fault"),
        [
            (moderation(), ModerationBlocked),
            (error(400, "invalid_value"), ProviderRejected),
            (error(500, None), ProviderUnavailable),
            (error(504, None), OutcomeUnknown),
            (Reply(body=b'{"data": []}'), OutcomeUnknown),
            (Reply(body=b'{"nothing": 1}'), OutcomeUnknown),
        ],
    )
    async def test_a_line_that_failed_is_judged_as_a_call(
        self, provider: OpenAIImages, vendor: FakeBatches, reply: Reply, fault: type[Fault]
    ) -> None:
        vendor.replies.append(reply)
        assert type(await ends(provider, await submitted(provider))) is fault

    async def test_one_that_ran_out_of_time_costs_nothing(
        self, provider: OpenAIImages, vendor: FakeBatches
    ) -> None:
        vendor.states.append("expired")
        assert type(await ends(provider, await submitted(provider))) is ProviderRejected

    @pytest.mark.parametrize("count", [0, 1])
    async def test_without_its_line_only_a_count_of_none_is_certain(
        self, provider: OpenAIImages, vendor: FakeBatches, count: int
    ) -> None:
        vendor.states.append("expired")
        request = await submitted(provider)
        await ends(provider, request)
        vendor.batches["batch_0"] |= {
            "error_file_id": None,
            "request_counts": {"total": 1, "completed": count, "failed": 0},
        }
        expected = OutcomeUnknown if count else ProviderRejected
        assert type(await ends(provider, request)) is expected

    @pytest.mark.parametrize(
        ("code", "fault"),
        [("invalid_json_line", ProviderRejected), ("billing_hard_limit_reached", ProviderQuota)],
    )
    async def test_one_that_was_refused_whole_costs_nothing(
        self, provider: OpenAIImages, vendor: FakeBatches, code: str, fault: type[Fault]
    ) -> None:
        vendor.refusal = code
        assert type(await ends(provider, await submitted(provider))) is fault


class TestDeadline:
    async def test_it_is_looked_at_as_its_time_is_over(
        self, provider: OpenAIImages, vendor: FakeBatches, time: Time
    ) -> None:
        vendor.states.extend(["in_progress"] * 9)
        request = await submitted(provider)
        time.at += HOUR - 5
        with pytest.raises(NotYet) as told:
            await collected(provider, request, slow(until=HOUR))
        assert told.value.pause == pytest.approx(5.0)
        assert vendor.calls("/v1/batches/batch_0/cancel") == 0

    async def test_it_is_taken_back_and_what_was_not_made_costs_nothing(
        self, provider: OpenAIImages, vendor: FakeBatches, time: Time
    ) -> None:
        vendor.states.extend(["in_progress"] * 9)
        request = await submitted(provider)
        time.at += HOUR
        for _ in range(2):
            with pytest.raises(NotYet) as told:
                await collected(provider, request, slow(until=HOUR))
            assert told.value.pause == 60.0
        fault = await ends(provider, request, slow(until=HOUR))
        assert type(fault) is ProviderRejected
        assert vendor.calls("/v1/batches/batch_0/cancel") == 1

    async def test_what_was_made_by_then_is_delivered(
        self, provider: OpenAIImages, vendor: FakeBatches, time: Time
    ) -> None:
        vendor.states.extend(["in_progress"] * 9)
        vendor.hurried = True
        request = await submitted(provider)
        time.at += HOUR
        for _ in range(2):
            with pytest.raises(NotYet):
                await collected(provider, request, slow(until=HOUR))
        assert len((await collected(provider, request, slow(until=HOUR))).pictures) == 1

    async def test_a_vendor_that_does_not_take_it_back_is_asked_again(
        self, provider: OpenAIImages, vendor: FakeBatches, time: Time
    ) -> None:
        vendor.states.extend(["in_progress"])
        request = await submitted(provider)
        time.at += HOUR
        running = json.dumps({**vendor.batches["batch_0"], "status": "in_progress"}).encode()
        vendor.troubles.extend([Reply(body=running), Reply(way=Way.CLOSE_BEFORE_HEADERS)])
        with pytest.raises(NotYet):
            await collected(provider, request, slow(until=HOUR))
