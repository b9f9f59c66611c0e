"""Passing on: where one provider does not take an order, another that costs no more does."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.ask import Ask
from imagewright.core.catalogue import Offer
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
from imagewright.core.job import Job, State
from imagewright.core.spending import Usage
from tests.fakes.provider import ScriptedProvider, fails, returns
from tests.services.shop import BOT, PRICE, Shop, entry, grants, model

DEAR = Offer(name="painter", title="Painter", models=(model("brush", {"*": 3 * PRICE}),))
CHEAP = Offer(name="carver", title="Carver", models=(model("knife", {"*": PRICE}),))
ASK = Ask(prompt="a fox", n=2)
NARROW = entry("images:write", "spend:unattended", providers=("painter",))


@pytest.fixture
def carver(shop: Shop) -> ScriptedProvider:
    shop.offer(DEAR, CHEAP, first="painter")
    return ScriptedProvider(act=returns(usage=Usage(pictures=2)))


async def carried_out(shop: Shop, carver: ScriptedProvider, **bench: Any) -> Job:
    job = await shop.claimed(ASK)
    assert (job.provider, job.ceiling) == ("painter", 6 * PRICE)
    work = shop.work(providers={"painter": shop.provider, "carver": carver}, **bench)
    await work.carry_out(job)
    return await shop.look(job)


@pytest.mark.parametrize(
    "fault", [ProviderBusy, ProviderMisconfigured, ProviderQuota, ProviderUnavailable]
)
async def test_another_provider_makes_it_at_its_own_price(
    shop: Shop, carver: ScriptedProvider, fault: type[Fault]
) -> None:
    shop.provider.act = fails(fault("No."))
    job = await carried_out(shop, carver)
    assert job.state is State.SUCCEEDED
    assert (shop.provider.calls, carver.calls) == (1, 1)
    assert carver.generated[0].plan.model == "knife"
    assert carver.generated[0].key == job.id
    assert json.loads(job.outcome or "")["provider"] == "carver"
    images = await shop.library.of_job(BOT.subject, job.id)
    assert {(image.provider, image.model) for image in images} == {("carver", "knife")}
    assert job.actual == 2 * PRICE


@pytest.mark.parametrize("fault", [ModerationBlocked, ProviderRejected, OutcomeUnknown])
async def test_what_another_would_meet_too_or_may_have_been_made_is_not_passed_on(
    shop: Shop, carver: ScriptedProvider, fault: type[Fault]
) -> None:
    shop.provider.act = fails(fault("No."))
    job = await carried_out(shop, carver)
    assert job.error_code == fault.code
    assert carver.calls == 0


async def test_where_all_fail_the_last_ones_reason_is_told(
    shop: Shop, carver: ScriptedProvider
) -> None:
    shop.provider.act = fails(ProviderBusy("No."))
    carver.act = fails(ProviderQuota("No money there."))
    job = await carried_out(shop, carver)
    assert (job.state, job.error_code, job.actual) == (State.FAILED, "provider_quota", 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda shop: setattr(shop.acl, "acl", grants(subjects={BOT.subject: NARROW})),
        lambda shop: shop.offer(DEAR),
        lambda shop: shop.offer(DEAR, replace(CHEAP, models=(model("knife", {"*": 4 * PRICE}),))),
    ],
)
async def test_nothing_is_passed_on_to_whom_it_may_not_go_any_more(
    shop: Shop, carver: ScriptedProvider, change: Callable[[Shop], None]
) -> None:
    shop.provider.act = fails(ProviderBusy("No."))
    job = await shop.claimed(ASK)
    change(shop)
    await shop.work(providers={"painter": shop.provider, "carver": carver}).carry_out(job)
    job = await shop.look(job)
    assert (job.state, job.error_code, carver.calls) == (State.FAILED, "provider_busy", 0)
    assert await shop.money() == (0, 0)


async def test_one_that_is_left_alone_is_not_called(shop: Shop, carver: ScriptedProvider) -> None:
    for _ in range(5):
        shop.breakers.enter("painter")
        shop.breakers.leave("painter", ProviderUnavailable("away"))
    job = await carried_out(shop, carver)
    assert (job.state, shop.provider.calls, carver.calls) == (State.SUCCEEDED, 0, 1)


async def test_failures_of_jobs_open_the_breaker(shop: Shop) -> None:
    shop.provider.act = fails(ProviderUnavailable("away"))
    said = []
    for number in range(6):
        job = await shop.claimed(Ask(prompt=f"fox {number}", model="brush"))
        await shop.work().carry_out(job)
        said.append(str((await shop.look(job)).error_sentence))
    assert shop.provider.calls == 5
    assert ["is left alone" in each for each in said] == [False] * 5 + [True]
    assert await shop.money() == (0, 0)
