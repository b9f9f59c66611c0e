"""Asks that may take hours: handed in, put aside, asked after, and settled at the batch's price."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from imagewright.core.ask import Ask
from imagewright.core.catalogue import Economy, PerToken
from imagewright.core.errors import (
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, NotYet, Order, Watch
from tests.fakes.provider import TrackedProvider, fails, returns
from tests.services.attempts import done
from tests.services.shop import BOT, BRUSH, OFFERS, ORIGIN, Shop, paid
from tests.services.test_workers import at_work, ended, until

HOUR = 3600
USED = Usage(text_tokens=0, image_tokens=0, output_tokens=100)


def tokens(**changes: Any) -> PerToken:
    rates = Economy(hours=24, text_in=Nano(5), image_in=Nano(5), image_out=Nano(500))
    values: dict[str, Any] = {
        "text_in": Nano(10),
        "image_in": Nano(10),
        "image_out": Nano(1000),
        "table": {"high/64x48": 200},
        "economy": rates,
    }
    return PerToken(**{**values, **changes})


@dataclass
class PatientProvider(TrackedProvider):
    """Keeps `ports.provider.Economical`: `taken` is how it takes an order."""

    submitted: list[Order] = field(default_factory=list)
    untils: list[int | None] = field(default_factory=list)
    lost: Exception | None = None
    known: bool = True

    async def submit(self, order: Order, watch: Watch) -> float:
        self.submitted.append(order)
        if self.known:
            await watch.accepted("batch-1")
        if self.lost is not None:
            raise self.lost
        return 90.0

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        self.untils.append(order.until)
        return await TrackedProvider.collect(self, order, request, watch)


@pytest.fixture
def vendor(shop: Shop) -> PatientProvider:
    provider = PatientProvider(found=returns(usage=USED))
    shop.provider = provider
    shop.offer(replace(OFFERS[0], models=(replace(BRUSH, price=tokens()),)))
    return provider


def slow(**more: Any) -> Ask:
    return replace(paid(), **{"economy": 24, **more})


async def look(shop: Shop, job: Job, seconds: float) -> Job:
    """The job after that time and another look."""
    shop.clock.advance(seconds)
    found = await shop.claim()
    assert found is not None
    assert found.id == job.id
    return await done(shop, found)


async def test_it_waits_aside_and_is_settled_at_the_batchs_price(
    shop: Shop, vendor: PatientProvider
) -> None:
    vendor.looks = [fails(NotYet(300.0))]
    job = await done(shop, await shop.claimed(slow()))
    text = len(b"a fox")
    assert 200 * 500 <= job.ceiling <= 200 * 500 + (text + 1000) * 5
    assert (job.state, vendor.calls, len(vendor.submitted)) == (State.RUNNING, 0, 1)
    assert job.stage == "At the provider's batch since 2026-11-21 12:00 UTC"
    assert (await shop.balance()).held == job.ceiling
    assert await shop.claim() is None
    assert (await look(shop, job, 90)).state is State.RUNNING
    job = await look(shop, job, 300)
    assert (job.state, job.actual) == (State.SUCCEEDED, 100 * 500)
    assert (await shop.balance()).held == 0
    assert len(vendor.submitted) == 1


async def test_without_economy_the_whole_price_is_held(shop: Shop, vendor: PatientProvider) -> None:
    vendor.act = returns(usage=USED)
    job = await done(shop, await shop.claimed(paid()))
    assert (job.ceiling >= 200 * 1000, job.actual) == (True, 100 * 1000)
    assert vendor.submitted == []


async def test_what_waits_at_the_vendor_takes_nobodys_place(
    shop: Shop, vendor: PatientProvider
) -> None:
    vendor.act = returns(usage=USED)
    slowly = [await shop.admitted(slow(prompt=f"slow fox {number}")) for number in range(4)]
    quick = await shop.admitted(paid("a quick fox"))
    async with at_work(shop, slots=1, running=1):
        assert (await ended(shop, quick)).state is State.SUCCEEDED

        async def handed_in() -> bool:
            return len(vendor.submitted) == 4

        await until(handed_in)
    assert {(await shop.look(each)).state for each in slowly} == {State.RUNNING}


async def test_its_time_is_counted_from_the_asking(shop: Shop, vendor: PatientProvider) -> None:
    vendor.looks = [fails(NotYet(300.0))]
    job = await done(shop, await shop.claimed(slow(economy=30)))
    job = await look(shop, job, 40 * HOUR)
    assert vendor.untils == [job.created_at + 30 * HOUR * 1_000_000]
    assert job.state is State.RUNNING
    vendor.found = fails(NotYet(300.0))
    assert (await look(shop, job, 15 * HOUR)).state is State.OUTCOME_UNKNOWN


async def test_what_the_vendor_took_back_costs_nothing(shop: Shop, vendor: PatientProvider) -> None:
    vendor.found = fails(ProviderRejected("Too late."))
    job = await look(shop, await done(shop, await shop.claimed(slow())), 90)
    assert (job.state, job.error_code, job.actual) == (State.FAILED, "provider_rejected", 0)


class TestCancelled:
    async def test_the_vendor_is_told_at_once(self, shop: Shop, vendor: PatientProvider) -> None:
        vendor.looks = [fails(NotYet(30.0))]
        vendor.found = fails(ProviderRejected("Taken back."))
        job = await done(shop, await shop.claimed(slow()))
        await shop.jobs.cancel(BOT, job.id, ORIGIN)
        assert (await look(shop, job, 0)).state is State.RUNNING
        assert vendor.untils == [shop.clock.now()]
        job = await look(shop, job, 30)
        assert (job.state, job.actual, (await shop.balance()).held) == (State.CANCELED, 0, 0)

    async def test_what_was_made_by_then_is_kept_and_paid(
        self, shop: Shop, vendor: PatientProvider
    ) -> None:
        job = await done(shop, await shop.claimed(slow()))
        await shop.jobs.cancel(BOT, job.id, ORIGIN)
        job = await look(shop, job, 0)
        assert (job.state, job.actual) == (State.SUCCEEDED, 100 * 500)


class TestHandingIn:
    async def test_a_lost_answer_is_asked_after(self, shop: Shop, vendor: PatientProvider) -> None:
        vendor.lost = OutcomeUnknown("The line was cut.")
        job = await done(shop, await shop.claimed(slow()))
        assert job.state is State.RUNNING
        assert (await look(shop, job, 60)).state is State.SUCCEEDED
        assert len(vendor.submitted) == 1

    async def test_what_cannot_be_asked_after_is_unknown(
        self, shop: Shop, vendor: PatientProvider
    ) -> None:
        vendor.known = False
        assert (await done(shop, await shop.claimed(slow()))).state is State.OUTCOME_UNKNOWN

    async def test_a_refusal_costs_nothing(self, shop: Shop, vendor: PatientProvider) -> None:
        vendor.lost = ProviderUnavailable("Away.")
        job = await done(shop, await shop.claimed(slow()))
        assert (job.state, job.actual) == (State.FAILED, 0)

    async def test_a_provider_without_a_batch_makes_nothing(
        self, shop: Shop, vendor: PatientProvider
    ) -> None:
        plain = TrackedProvider()
        job = await done(shop, await shop.claimed(slow()), providers={"painter": plain})
        assert (job.state, job.error_code) == (State.FAILED, "unsupported")
        assert (plain.calls, job.actual) == (0, 0)


class TestChoosing:
    async def test_a_model_without_a_batch_refuses(self, shop: Shop) -> None:
        with pytest.raises(Unsupported, match="not made for less"):
            await shop.admitted(slow())

    async def test_fewer_hours_than_the_vendor_promises_are_refused(
        self, shop: Shop, vendor: PatientProvider
    ) -> None:
        with pytest.raises(Unsupported, match="within 24 hours") as refused:
            await shop.admitted(slow(economy=23))
        assert "at least 24" in refused.value.hint

    async def test_routing_chooses_among_those_that_can(
        self, shop: Shop, vendor: PatientProvider
    ) -> None:
        able = replace(BRUSH, id="able", price=tokens())
        shop.offer(replace(OFFERS[0], models=(BRUSH, able)))
        job = await shop.admitted(slow(model="auto"))
        assert (job.model, json.loads(job.plan)["ask"]["economy"]) == ("able", 24)
