"""Passing on: where one provider does not take an order, another that costs no more does."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.ask import Ask
from imagewright.core.budget import Account, Budget, Level
from imagewright.core.catalogue import Offer
from imagewright.core.errors import (
    BudgetExceeded,
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
from imagewright.core.money import Nano
from imagewright.core.spending import Usage
from tests.contracts.samples import DAY
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


def at(provider: str) -> Account:
    return Account(level=Level.PROVIDER, key=provider, period=DAY)


async def of_providers(shop: Shop) -> list[tuple[int, int]]:
    """Held and settled at the painter and at the carver."""
    found = await shop.books.balances((at("painter"), at("carver")))
    return [(each.held // PRICE, each.settled // PRICE) for each in found]


async def test_whoever_may_make_it_has_room_for_it_and_whoever_did_is_paid(
    shop: Shop, carver: ScriptedProvider
) -> None:
    shop.provider.act = fails(ProviderBusy("No."))
    job = await shop.claimed(ASK)
    assert await of_providers(shop) == [(6, 0), (6, 0)]
    work = shop.work(providers={"painter": shop.provider, "carver": carver})
    await work.carry_out(job)
    assert await of_providers(shop) == [(0, 0), (0, 2)]
    assert await shop.money() == (0, 2)


async def test_of_a_fallback_that_was_not_needed_nothing_stays(
    shop: Shop, carver: ScriptedProvider
) -> None:
    await carried_out(shop, carver)
    assert await of_providers(shop) == [(0, 6), (0, 0)]


async def test_a_fallback_without_room_is_told_by_its_name(
    shop: Shop, carver: ScriptedProvider
) -> None:
    shop.acl.acl = grants(providers={"carver": Budget(day=Nano(5 * PRICE))})
    with pytest.raises(BudgetExceeded) as raised:
        await shop.admitted(ASK)
    assert (raised.value.details["level"], raised.value.details["key"]) == ("provider", "carver")
    assert await of_providers(shop) == [(0, 0), (0, 0)]
    await shop.admitted(replace(ASK, provider="painter"))
    assert carver.calls == 0


async def test_a_fallback_that_may_not_cost_as_much_a_call_is_passed_over(
    shop: Shop, carver: ScriptedProvider
) -> None:
    shop.acl.acl = grants(providers={"carver": Budget(per_call=PRICE)})
    shop.provider.act = fails(ProviderBusy("No."))
    job = await carried_out(shop, carver)
    assert (job.error_code, carver.calls) == ("provider_busy", 0)


async def test_whose_answer_is_not_known_is_kept_with_the_hold(
    shop: Shop, carver: ScriptedProvider
) -> None:
    shop.provider.act = fails(ProviderBusy("No."))
    carver.act = fails(OutcomeUnknown("It broke off."))
    job = await carried_out(shop, carver)
    assert job.state is State.OUTCOME_UNKNOWN
    assert json.loads(job.outcome or "")["provider"] == "carver"
    assert await of_providers(shop) == [(6, 0), (6, 0)]
