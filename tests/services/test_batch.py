"""Batches: one quote, one consent, one group; each ask a job of its own."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.ask import Ask
from imagewright.core.batch import MAX_ITEMS
from imagewright.core.budget import Budget, Level
from imagewright.core.caller import Caller
from imagewright.core.errors import (
    BudgetExceeded,
    ConfirmationInvalid,
    ConfirmationRequired,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProviderRejected,
    StorageFull,
    Unavailable,
)
from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.ports.board import News
from imagewright.ports.books import AdmittedAll
from imagewright.services.batch import jobs_of
from tests.fakes.provider import fails, returns
from tests.services.attempts import done
from tests.services.shop import (
    BOT,
    BRUSH,
    OFFERS,
    OLGA,
    ORIGIN,
    POOR,
    PRICE,
    READER,
    RELAY,
    Shop,
    entry,
    free,
    grants,
    model,
    paid,
    yes,
)


async def batch(shop: Shop, *asks: Ask, caller: Caller = BOT, answer: Any = None) -> AdmittedAll:
    return await shop.batches.order(caller, asks, answer, ORIGIN)


async def test_a_batch_is_priced_whole_and_each_ask_by_itself(shop: Shop) -> None:
    found = shop.batches.estimate(OLGA, (paid("a"), free("c"), paid("b", n=2), paid("a")))
    assert [part.quote.ceiling for part in found.parts] == [PRICE, 0, 2 * PRICE, PRICE]
    assert found.firsts == (0, 1, 2, 0)
    assert (found.quote.ceiling, found.quote.count) == (3 * PRICE, 4)
    assert await shop.money(OLGA) == (0, 0)


async def test_a_batch_that_cannot_be_is_not_priced(shop: Shop) -> None:
    with pytest.raises(InvalidRequest) as raised:
        shop.batches.estimate(OLGA, (paid("a", seed=1), paid("b"), Ask(prompt="c", model="never")))
    items = raised.value.details["items"]
    assert isinstance(items, dict)
    assert set(items) == {"0", "2"}
    with pytest.raises(InvalidRequest, match="must have from 1 to 100"):
        shop.batches.estimate(OLGA, ())


async def test_an_unattended_batch_is_held_whole_and_delivered(shop: Shop) -> None:
    admitted = await batch(shop, paid("a"), paid("b", n=2), free("c"))
    assert len(admitted.jobs) == 3
    assert await shop.money() == (3, 0)
    assert [job.consent for job in admitted.jobs] == [
        Consent.UNATTENDED,
        Consent.UNATTENDED,
        Consent.FREE,
    ]
    for job in admitted.jobs:
        claimed = await shop.claim()
        assert claimed is not None
        assert (await done(shop, claimed)).id == job.id
    assert await shop.money() == (0, 3)


async def test_a_free_batch_asks_nobody(shop: Shop) -> None:
    admitted = await batch(shop, free("a"), free("b"), caller=POOR)
    assert {job.consent for job in admitted.jobs} == {Consent.FREE}


async def test_one_question_names_count_providers_and_the_total(shop: Shop) -> None:
    asks = (free("c"), paid("a"), paid("b", n=2))
    with pytest.raises(ConfirmationRequired) as raised:
        await batch(shop, *asks, caller=OLGA)
    assert raised.value.sentence == (
        "A batch of 3, of which 2 cost: painter / brush: 3 images, 64x48, at most $0.12."
        " Spend this? Prompt: “a”"
    )
    details = raised.value.details
    assert (details["ceiling_usd"], details["n"]) == ("0.12", 3)
    assert (details["items"], details["to_do"]) == (3, 2)
    assert await shop.money(OLGA) == (0, 0)
    admitted = await batch(shop, *asks, caller=OLGA, answer=yes(details["quote"]))
    assert {job.quote for job in admitted.jobs if job.ceiling} == {details["quote"]}
    assert admitted.group.quote == details["quote"]
    assert await shop.money(OLGA) == (3, 0)


async def test_the_question_names_who_may_stand_in(shop: Shop) -> None:
    cheap = replace(OFFERS[0], name="cheap", models=(model("pencil", {"*": 1}),))
    shop.offer(replace(OFFERS[0], models=(BRUSH,)), cheap, first="painter")
    with pytest.raises(ConfirmationRequired) as raised:
        await batch(shop, Ask(prompt="a"), Ask(prompt="b"), caller=OLGA)
    assert raised.value.details["fallbacks"] == ["cheap / pencil"]
    assert "(or, if that fails, cheap / pencil)" in raised.value.sentence


async def test_consent_to_one_batch_opens_no_other_and_only_once(shop: Shop) -> None:
    with pytest.raises(ConfirmationRequired) as raised:
        await batch(shop, paid("a"), paid("b"), caller=RELAY)
    answer = yes(raised.value.details["quote"], Consent.ECHO)
    with pytest.raises(ConfirmationInvalid):
        await batch(shop, paid("a"), paid("c"), caller=RELAY, answer=answer)
    with pytest.raises(ConfirmationInvalid):
        await shop.images.order(RELAY, paid("a"), answer, ORIGIN)
    assert (await batch(shop, paid("a"), paid("b"), caller=RELAY, answer=answer)).fresh
    again = await batch(shop, paid("a"), paid("b"), caller=RELAY, answer=answer)
    assert not again.fresh
    more = (paid("a", variation="x"), paid("b", variation="x"))
    with pytest.raises(ConfirmationInvalid):
        await batch(shop, *more, caller=RELAY, answer=answer)


async def test_a_yes_that_the_scopes_do_not_take_is_none(shop: Shop) -> None:
    with pytest.raises(ConfirmationRequired) as raised:
        await batch(shop, paid("a"), caller=OLGA)
    echoed = yes(raised.value.details["quote"], Consent.ECHO)
    with pytest.raises(ConfirmationRequired):
        await batch(shop, paid("a"), caller=OLGA, answer=echoed)


async def test_what_is_answered_already_is_not_asked_for(shop: Shop) -> None:
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.images.order(OLGA, paid("a"), None, ORIGIN)
    single = await shop.images.order(OLGA, paid("a"), yes(raised.value.details["quote"]), ORIGIN)
    with pytest.raises(ConfirmationRequired) as raised:
        await batch(shop, paid("a"), paid("b"), caller=OLGA)
    assert (raised.value.details["ceiling_usd"], raised.value.details["to_do"]) == ("0.04", 1)
    admitted = await batch(shop, paid("a"), paid("a"), caller=OLGA)
    assert admitted.group.items == (single.job.id, single.job.id)
    assert (admitted.jobs, await shop.money(OLGA)) == ((), (1, 0))


async def test_a_budget_holds_all_of_it_or_none(shop: Shop) -> None:
    scopes = ("images:read", "images:write", "spend:unattended")
    budget = Budget(per_call=Nano(PRICE), day=Nano(2 * PRICE))
    shop.acl.acl = grants(subjects={BOT.subject: entry(*scopes, budget=budget)})
    with pytest.raises(BudgetExceeded) as raised:
        await batch(shop, paid("a"), paid("b"), paid("c"))
    assert raised.value.details["span"] == "day"
    assert raised.value.details["level"] == Level.SUBJECT.value
    assert await shop.money() == (0, 0)
    with pytest.raises(BudgetExceeded) as raised:
        await batch(shop, paid("a"), paid("b", n=2))
    assert (raised.value.details["span"], raised.value.details["item"]) == ("call", 1)
    await batch(shop, paid("a"), paid("b"))
    assert await shop.money() == (2, 0)


@pytest.mark.parametrize("caller", [READER, POOR])
async def test_who_may_not_is_refused_with_the_item(shop: Shop, caller: Caller) -> None:
    with pytest.raises(Forbidden) as raised:
        await batch(shop, free("a") if caller is POOR else paid("a"), paid("b"), caller=caller)
    assert raised.value.details["item"] == (1 if caller is POOR else 0)


async def test_items_that_cannot_be_planned_are_all_named_and_nothing_begins(shop: Shop) -> None:
    with pytest.raises(InvalidRequest) as raised:
        await batch(shop, paid("a", seed=1), paid("b"), Ask(prompt="c", model="never"))
    assert raised.value.sentence == "2 of 3 items cannot be done; nothing was begun."
    items = raised.value.details["items"]
    assert isinstance(items, dict)
    assert {place: each["code"] for place, each in items.items()} == {
        "0": "unsupported",
        "2": "unknown_model",
    }
    for asks in ((), (free(),) * (MAX_ITEMS + 1)):
        with pytest.raises(InvalidRequest, match="must have from 1 to 100"):
            await batch(shop, *asks)


async def test_nothing_is_taken_without_room_or_while_stopping(shop: Shop) -> None:
    shop.store.fail("room", StorageFull("Full."))
    with pytest.raises(StorageFull):
        await batch(shop, free())
    shop.intake.close()
    with pytest.raises(Unavailable):
        await batch(shop, free())


async def test_a_hundred_asks_are_one_place_and_all_are_done(shop: Shop) -> None:
    admitted = await batch(shop, *(paid(f"fox {place}") for place in range(MAX_ITEMS)))
    shop.provider.script = [fails(ProviderRejected("No.")), returns()]
    workers = shop.workers()
    await workers.start()
    told: list[News] = []

    async def hear(news: News) -> None:
        told.append(news)

    try:
        waiting = shop.batches.wait(BOT.subject, admitted.group.id, 60, hear)
        await asyncio.wait_for(waiting, 60)
    finally:
        await workers.stop(1)
    bundle = await shop.batches.get(BOT.subject, admitted.group.id)
    states = [item.job.state for item in bundle.items]
    assert states.count(State.SUCCEEDED) == MAX_ITEMS - 1
    failed = [item.job for item in bundle.items if item.job.state is State.FAILED]
    assert [job.error_code for job in failed] == ["provider_rejected"]
    assert len(bundle.images) == MAX_ITEMS - 1
    assert await shop.money() == (0, MAX_ITEMS - 1)
    assert all(news.total == MAX_ITEMS for news in told)
    assert [news.done for news in told] == sorted(news.done for news in told)
    again = await batch(shop, *(paid(f"fox {place}") for place in range(MAX_ITEMS)))
    assert [job.id in again.group.items for job in again.jobs] == [True]


async def test_waiting_ends_with_the_time(shop: Shop) -> None:
    admitted = await batch(shop, free("a"), free("b"))

    async def hear(news: News) -> None:
        shop.clock.advance(5)

    await shop.batches.wait(BOT.subject, admitted.group.id, 3, hear)
    await shop.batches.wait(BOT.subject, admitted.group.id, 0, hear)
    with pytest.raises(NotFound):
        await shop.batches.wait(OLGA.subject, admitted.group.id, 3, hear)


async def test_waiting_ends_while_the_service_stops(shop: Shop) -> None:
    admitted = await batch(shop, free("a"), free("b"))
    shop.intake.close()

    async def hear(news: News) -> None:
        raise AssertionError(news)

    await shop.batches.wait(BOT.subject, admitted.group.id, 60, hear)


async def test_cancelling_ends_what_waits_and_lets_the_rest_run(shop: Shop) -> None:
    admitted = await batch(shop, paid("a"), paid("b"), paid("c"))
    running = await shop.claim()
    assert running is not None
    with pytest.raises(NotFound):
        await shop.batches.cancel(OLGA, admitted.group.id, ORIGIN)
    async with shop.board.watch(admitted.jobs[2].id) as news:
        await shop.batches.cancel(BOT, admitted.group.id, ORIGIN)
        assert (await anext(news)).ended
    assert await shop.money() == (1, 0)
    await done(shop, running)
    bundle = await shop.batches.get(BOT.subject, admitted.group.id)
    assert [item.job.state.value for item in bundle.items] == [
        "succeeded",
        "canceled",
        "canceled",
    ]
    assert len(jobs_of(bundle)) == 3
    assert await shop.money() == (0, 1)
