"""How Gemini's batches end, by themselves and when their time is over."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from imagewright.adapters.providers.gemini import Gemini, build
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from imagewright.ports.provider import NotYet
from tests.adapters.providers.gemini_batches_setup import (
    HOUR,
    NOON,
    WIDE,
    collected,
    ends,
    slow,
    submitted,
)
from tests.adapters.providers.gemini_setup import configured
from tests.contracts.provider import made
from tests.fakes.gemini import USAGE, blocked, error, finished
from tests.fakes.gemini_batches import FakeGeminiBatches
from tests.fakes.orders import Time, parts
from tests.fakes.vendor import Reply, Way


@pytest.fixture
def vendor() -> Iterator[FakeGeminiBatches]:
    with FakeGeminiBatches() as found:
        yield found


@pytest.fixture
def time() -> Time:
    return Time(NOON)


@pytest.fixture
async def provider(vendor: FakeGeminiBatches, time: Time) -> AsyncIterator[Gemini]:
    found = build(configured(vendor, retries=0), parts(time))
    yield found
    await found.close()


class TestEnds:
    @pytest.mark.parametrize(
        ("reply", "fault"),
        [
            (error(400), ProviderRejected),
            (error(403), ProviderMisconfigured),
            (error(404), ProviderMisconfigured),
            (error(429), ProviderBusy),
            (error(500), ProviderUnavailable),
            (error(503), ProviderUnavailable),
            (error(499), ProviderRejected),
            (error(504), OutcomeUnknown),
            (blocked(), ModerationBlocked),
            (finished("IMAGE_SAFETY"), ModerationBlocked),
            (finished("NO_IMAGE"), ProviderBadAnswer),
            (Reply(body=b'{"nothing": 1}'), OutcomeUnknown),
        ],
    )
    async def test_a_request_that_failed_is_judged_as_a_call(
        self, provider: Gemini, vendor: FakeGeminiBatches, reply: Reply, fault: type[Fault]
    ) -> None:
        vendor.replies.append(reply)
        assert type(await ends(provider, await submitted(provider))) is fault

    async def test_those_that_failed_are_told_by_their_places(
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        bill = {"usageMetadata": {"promptTokenCount": 10, "thoughtsTokenCount": 5}}
        vendor.replies.extend([error(429), Reply(), finished("IMAGE_SAFETY", **bill), Reply()])
        wanted = slow(n=4)
        delivery = await collected(provider, await submitted(provider, wanted), wanted)
        assert made(delivery) == [WIDE] * 2
        assert {index: type(each) for index, each in delivery.failures.items()} == {
            0: ProviderBusy,
            2: ModerationBlocked,
        }
        assert delivery.usage is not None
        assert delivery.usage.output_tokens == 2 * USAGE["candidatesTokenCount"]
        assert delivery.usage.word_tokens == 2 * USAGE["thoughtsTokenCount"] + 5

    @pytest.mark.parametrize("numbered", [True, False])
    async def test_answers_are_told_apart_by_number_and_else_by_place(
        self, provider: Gemini, vendor: FakeGeminiBatches, numbered: bool
    ) -> None:
        vendor.replies.extend([error(429), Reply()])
        wanted = slow(n=2)
        request = await submitted(provider, wanted)
        await collected(provider, request, wanted)
        told = vendor.batches["batches/b0"]["metadata"]["output"]["inlinedResponses"]
        if numbered:
            told["inlinedResponses"].reverse()
        else:
            for each in told["inlinedResponses"]:
                del each["metadata"]
        assert [*(await collected(provider, request, wanted)).failures] == [0]

    async def test_answers_are_found_in_the_operations_response(
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        request = await submitted(provider)
        await collected(provider, request)
        del vendor.batches["batches/b0"]["metadata"]["output"]
        assert len((await collected(provider, request)).pictures) == 1

    @pytest.mark.parametrize("state", ["EXPIRED", "CANCELLED"])
    async def test_one_that_ended_early_costs_nothing(
        self, provider: Gemini, vendor: FakeGeminiBatches, state: str
    ) -> None:
        vendor.states.append(state)
        fault = await ends(provider, await submitted(provider))
        assert (type(fault), "nothing is charged" in fault.sentence) == (ProviderRejected, True)

    @pytest.mark.parametrize(
        ("stats", "fault"),
        [
            ({"requestCount": "1"}, ProviderRejected),
            ({"requestCount": "1", "successfulRequestCount": "1"}, OutcomeUnknown),
            ({"requestCount": "1", "successfulRequestCount": "many"}, OutcomeUnknown),
            (None, OutcomeUnknown),
        ],
    )
    async def test_without_its_answers_only_a_count_of_none_is_certain(
        self, provider: Gemini, vendor: FakeGeminiBatches, stats: object, fault: type[Fault]
    ) -> None:
        vendor.states.append("EXPIRED")
        request = await submitted(provider)
        await ends(provider, request)
        vendor.batches["batches/b0"]["metadata"]["batchStats"] = stats
        assert type(await ends(provider, request)) is fault

    async def test_one_that_succeeded_without_answers_is_unknown(
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        vendor.states.append("EXPIRED")
        request = await submitted(provider)
        await ends(provider, request)
        vendor.batches["batches/b0"]["metadata"]["state"] = "BATCH_STATE_SUCCEEDED"
        assert type(await ends(provider, request)) is OutcomeUnknown

    @pytest.mark.parametrize(
        ("code", "fault"),
        [(3, ProviderRejected), (8, ProviderBusy), (13, ProviderUnavailable), (99, OutcomeUnknown)],
    )
    async def test_one_that_was_refused_whole_is_judged_by_its_code(
        self, provider: Gemini, vendor: FakeGeminiBatches, code: int, fault: type[Fault]
    ) -> None:
        vendor.refusal = code
        assert type(await ends(provider, await submitted(provider))) is fault


class TestDeadline:
    async def test_it_is_looked_at_as_its_time_is_over(
        self, provider: Gemini, vendor: FakeGeminiBatches, time: Time
    ) -> None:
        vendor.states.extend(["RUNNING"] * 9)
        request = await submitted(provider)
        time.at += HOUR - 5
        with pytest.raises(NotYet) as told:
            await collected(provider, request, slow(until=HOUR))
        assert told.value.pause == pytest.approx(5.0)
        assert vendor.calls("/v1/batches/b0:cancel") == 0

    async def test_it_is_taken_back_and_what_was_not_made_costs_nothing(
        self, provider: Gemini, vendor: FakeGeminiBatches, time: Time
    ) -> None:
        vendor.states.extend(["RUNNING"] * 9)
        request = await submitted(provider)
        time.at += HOUR
        with pytest.raises(NotYet) as told:
            await collected(provider, request, slow(until=HOUR))
        assert told.value.pause == 60.0
        assert vendor.calls("/v1/batches/b0:cancel") == 1
        vendor.states.popleft()
        assert type(await ends(provider, request, slow(until=HOUR))) is ProviderRejected

    async def test_what_was_made_by_then_is_delivered(
        self, provider: Gemini, vendor: FakeGeminiBatches, time: Time
    ) -> None:
        vendor.states.extend(["RUNNING"] * 9)
        vendor.hurried = 2
        wanted = slow(n=3, until=HOUR)
        request = await submitted(provider, wanted)
        time.at += HOUR
        with pytest.raises(NotYet):
            await collected(provider, request, wanted)
        vendor.states.popleft()
        delivery = await collected(provider, request, wanted)
        assert made(delivery) == [WIDE] * 2
        assert {index: type(each) for index, each in delivery.failures.items()} == {
            2: ProviderRejected
        }
        assert delivery.usage is not None
        assert delivery.usage.output_tokens == 2 * USAGE["candidatesTokenCount"]

    async def test_a_vendor_that_does_not_take_it_back_is_asked_again(
        self, provider: Gemini, vendor: FakeGeminiBatches, time: Time
    ) -> None:
        vendor.states.extend(["RUNNING"] * 9)
        request = await submitted(provider)
        time.at += HOUR
        running = json.dumps(vendor.batches["batches/b0"]).encode()
        vendor.troubles.extend([Reply(body=running), Reply(way=Way.CLOSE_BEFORE_HEADERS)])
        for _ in range(2):
            with pytest.raises(NotYet):
                await collected(provider, request, slow(until=HOUR))
        assert vendor.calls("/v1/batches/b0:cancel") == 2
