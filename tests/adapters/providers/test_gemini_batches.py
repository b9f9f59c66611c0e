"""Orders that may take hours: one batch each, with a request for each picture."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from imagewright.adapters.providers.gemini import Gemini, build
from imagewright.core.errors import (
    Fault,
    OutcomeUnknown,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.ports.provider import Economical, Input, NotYet, Order
from tests.adapters.providers.gemini_batches_setup import (
    NOON,
    WIDE,
    collected,
    ends,
    slow,
    submitted,
)
from tests.adapters.providers.gemini_setup import SENT_SIZE, configured, gemini_order, on_vertex
from tests.contracts.provider import made
from tests.fakes.gemini import MODEL, USAGE, error
from tests.fakes.gemini_batches import FakeGeminiBatches
from tests.fakes.orders import PROMPT, Time, Watched, parts
from tests.fakes.vendor import Reply, Way, html


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


def begun_with(vendor: FakeGeminiBatches) -> dict[str, Any]:
    batch: dict[str, Any] = vendor.orders[0].values["batch"]
    return batch


def test_it_has_what_the_service_looks_for(provider: Gemini) -> None:
    assert isinstance(provider, Economical)


@pytest.mark.parametrize("poll", [0, -1])
def test_it_is_looked_at_at_a_pace(vendor: FakeGeminiBatches, poll: float) -> None:
    with pytest.raises(ValueError, match="times"):
        configured(vendor, batch_poll=poll)


async def test_a_batch_is_handed_in_and_its_pictures_fetched(
    provider: Gemini, vendor: FakeGeminiBatches
) -> None:
    vendor.states.extend(["PENDING", "RUNNING"])
    request = await submitted(provider, slow(n=2, seed=7))
    for _ in range(2):
        with pytest.raises(NotYet) as told:
            await collected(provider, request, slow(n=2, seed=7))
        assert told.value.pause == 60.0
    delivery = await collected(provider, request, slow(n=2, seed=7))
    assert made(delivery) == [WIDE] * 2
    assert [each.seed for each in delivery.pictures] == [7, 8]
    assert delivery.usage is not None
    assert delivery.usage.output_tokens == 2 * USAGE["candidatesTokenCount"]
    assert delivery.usage.word_tokens == 2 * USAGE["thoughtsTokenCount"]
    assert (delivery.request, vendor.begun) == ("resp_fake_1", 1)
    batch = begun_with(vendor)
    asked = batch["inputConfig"]["requests"]["requests"]
    assert (batch["displayName"], [each["metadata"]["key"] for each in asked]) == (
        "imagewright-job_1",
        ["0", "1"],
    )
    assert [each["request"]["generationConfig"]["seed"] for each in asked] == [7, 8]
    assert asked[0]["request"]["generationConfig"]["imageConfig"] == SENT_SIZE
    assert {each["request"]["model"] for each in asked} == {f"models/{MODEL}"}


async def test_an_edit_is_sent_with_its_pictures(
    provider: Gemini, vendor: FakeGeminiBatches
) -> None:
    request = await submitted(provider, slow(2))
    assert len((await collected(provider, request, slow(2))).pictures) == 1
    [asked] = begun_with(vendor)["inputConfig"]["requests"]["requests"]
    assert len(asked["request"]["contents"][0]["parts"]) == 3


async def test_what_it_makes_can_be_gone_on_from(
    provider: Gemini, vendor: FakeGeminiBatches
) -> None:
    [picture] = (await collected(provider, await submitted(provider))).pictures
    kept = json.loads(picture.continuation or "")
    assert (kept["model"], kept["prompt"]) == (MODEL, PROMPT)


class TestHandingIn:
    async def test_it_can_be_asked_after_before_it_is_begun(
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        vendor.deaf, watched = True, Watched()
        with pytest.raises(OutcomeUnknown):
            await provider.submit(slow(), watched)
        assert len(watched.requests) == 1
        later = Watched()
        delivery = await provider.collect(slow(), watched.requests[0], later)
        assert (made(delivery), vendor.begun) == ([WIDE], 1)
        assert json.loads(later.requests[0])["batch"] == "batches/b0"

    async def test_it_is_found_among_many(
        self, provider: Gemini, vendor: FakeGeminiBatches
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
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        request = json.dumps({"key": "job_1", "batch": None})
        assert type(await ends(provider, request)) is OutcomeUnknown
        await submitted(provider, Order(plan=slow().plan, references=(), mask=None, key="other"))
        assert type(await ends(provider, request)) is OutcomeUnknown

    @pytest.mark.parametrize(
        ("reply", "fault"),
        [
            (error(403), ProviderMisconfigured),
            (error(404), ProviderMisconfigured),
            (error(400), ProviderRejected),
            (error(429), ProviderBusy),
            (error(429, message="Your prepayment credits are depleted."), ProviderQuota),
            (error(503), ProviderUnavailable),
            (html(502), OutcomeUnknown),
            (Reply(body=b'{"name": "../x"}'), OutcomeUnknown),
            (Reply(way=Way.CLOSE_BEFORE_HEADERS), OutcomeUnknown),
        ],
    )
    async def test_a_refusal_is_judged_as_a_calls(
        self, provider: Gemini, vendor: FakeGeminiBatches, reply: Reply, fault: type[Fault]
    ) -> None:
        vendor.troubles.append(reply)
        watched = Watched()
        with pytest.raises(fault) as raised:
            await provider.submit(slow(), watched)
        assert type(raised.value) is fault
        assert (len(watched.requests), vendor.begun) == (1, 0)

    async def test_what_was_not_accepted_is_asked_again(
        self, vendor: FakeGeminiBatches, time: Time
    ) -> None:
        vendor.troubles.append(error(429))
        provider = build(configured(vendor, retries=1), parts(time))
        request = await submitted(provider)
        assert (len((await collected(provider, request)).pictures), vendor.begun) == (1, 1)
        await provider.close()

    async def test_more_than_google_takes_inline_is_not_sent(
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        wanted, watched = slow(1, n=10), Watched()
        large = Input(data=b"x" * 1_500_000, format=Format.PNG)
        order = Order(plan=wanted.plan, references=(large,), mask=None, key="job_1")
        with pytest.raises(Unsupported, match="too large"):
            await provider.submit(order, watched)
        assert (watched.requests, vendor.received) == ([], [])

    async def test_a_mask_is_refused(self, provider: Gemini, vendor: FakeGeminiBatches) -> None:
        with pytest.raises(Unsupported, match="mask"):
            await provider.submit(
                gemini_order(references=1, mask=True, ask={"economy": 24}), Watched()
            )
        assert vendor.received == []

    async def test_vertex_ai_refuses(
        self, vendor: FakeGeminiBatches, time: Time, tmp_path: Any
    ) -> None:
        (tmp_path / "token").write_text("ya29.none")
        provider = build(on_vertex(vendor, token_file=str(tmp_path / "token")), parts(time))
        watched = Watched()
        with pytest.raises(Unsupported, match="Vertex AI") as raised:
            await provider.submit(slow(), watched)
        assert "economy" in raised.value.hint
        assert (watched.requests, vendor.received) == ([], [])
        await provider.close()


class TestLooking:
    @pytest.mark.parametrize(
        "reply",
        [error(500), error(429), error(403), html(200), Reply(way=Way.CLOSE_BEFORE_HEADERS)],
    )
    @pytest.mark.parametrize("named", [True, False])
    async def test_what_does_not_answer_is_asked_again(
        self, provider: Gemini, vendor: FakeGeminiBatches, reply: Reply, named: bool
    ) -> None:
        request = await submitted(provider)
        if not named:
            request = json.dumps({"key": "job_1", "batch": None})
        vendor.troubles.append(reply)
        with pytest.raises(NotYet):
            await collected(provider, request)
        assert len((await collected(provider, request)).pictures) == 1

    async def test_one_that_is_forgotten_is_unknown(
        self, provider: Gemini, vendor: FakeGeminiBatches
    ) -> None:
        request = await submitted(provider)
        vendor.batches.clear()
        assert type(await ends(provider, request)) is OutcomeUnknown

    async def test_more_than_can_be_is_not_read(
        self, vendor: FakeGeminiBatches, time: Time
    ) -> None:
        provider = build(configured(vendor, picture_bytes=1), parts(time))
        request = await submitted(provider)
        vendor.troubles.append(Reply(body=b" " * 400_000))
        assert type(await ends(provider, request)) is OutcomeUnknown
        await provider.close()


async def test_a_key_that_is_refused_hands_in_nothing(
    vendor: FakeGeminiBatches, time: Time
) -> None:
    provider = build(configured(vendor, api_key=Secret("wrong")), parts(time))
    with pytest.raises(ProviderMisconfigured):
        await provider.submit(slow(), Watched())
    assert vendor.begun == 0
    await provider.close()
