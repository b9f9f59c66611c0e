"""What the operator takes for a consent: a person's alone, or none for some providers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagewright.adapters.sql.approvals import SqlApprovals
from imagewright.core.ask import Ask
from imagewright.core.budget import Budget
from imagewright.core.caller import LOCAL, Caller
from imagewright.core.errors import BudgetExceeded, ConfirmationRequired, Forbidden
from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.ports.approvals import Reply, Way
from imagewright.services.wish import Answer
from tests.services.shop import (
    BOT,
    OFFERS,
    OLGA,
    ORIGIN,
    POOR,
    PRICE,
    RELAY,
    Shop,
    entry,
    free,
    grants,
    model,
    opened,
    paid,
    yes,
)

PAGES = "https://images.example.com/ui/approvals"
OTHER = replace(OFFERS[0], name="engraver", models=(model("burin", {"*": PRICE}),))


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as found:
        yield found


async def asked(
    shop: Shop, caller: Caller = OLGA, answer: Answer | None = None
) -> ConfirmationRequired:
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.images.order(caller, paid(), answer, ORIGIN)
    return raised.value


async def approve(shop: Shop, caller: Caller, required: ConfirmationRequired) -> str:
    quote = str(required.details["quote"])
    reply = Reply(yes=True, way=Way.PAGE, origin=ORIGIN, at=shop.clock.now())
    await SqlApprovals(shop.database).answer(caller, quote, reply)
    return quote


@pytest.mark.parametrize("human", [True, False])
async def test_a_persons_yes_buys_once_wherever_it_is_asked_for(shop: Shop, human: bool) -> None:
    shop.offer(*OFFERS, human=human)
    quote = await approve(shop, OLGA, await asked(shop))
    job = (await shop.images.order(OLGA, paid(), None, ORIGIN)).job
    assert (job.consent, job.quote) == (Consent.HUMAN, quote)
    assert await shop.money(OLGA) == (1, 0)
    joined = await shop.images.order(OLGA, paid(), None, ORIGIN)
    assert (joined.fresh, joined.job.id) == (False, job.id)


async def test_the_clients_yes_is_none_where_a_person_is_wanted(shop: Shop) -> None:
    shop.offer(*OFFERS, human=True)
    quote = (await asked(shop)).details["quote"]
    for consent in (Consent.CLIENT, Consent.ECHO):
        again = await asked(shop, answer=yes(quote, consent))
        assert again.details["quote"] == quote
    assert shop.gate.consents(OLGA) == {Consent.HUMAN}
    assert await shop.money(OLGA) == (0, 0)


async def test_those_whom_the_operator_named_stay_what_they_are(shop: Shop) -> None:
    shop.offer(*OFFERS, human=True)
    quote = (await asked(shop, RELAY)).details["quote"]
    relayed = await shop.images.order(RELAY, paid(), yes(quote, Consent.ECHO), ORIGIN)
    assert relayed.job.consent is Consent.ECHO
    assert (await shop.admitted(caller=BOT)).consent is Consent.UNATTENDED


async def test_a_batch_is_approved_as_one(shop: Shop) -> None:
    shop.offer(*OFFERS, human=True)
    asks = (paid("a fox"), free("a cat"), paid("a dog"))
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.batches.order(OLGA, asks, yes("quo_x"), ORIGIN)
    assert (raised.value.details["items"], raised.value.details["to_do"]) == (3, 2)
    quote = await approve(shop, OLGA, raised.value)
    admitted = await shop.batches.order(OLGA, asks, None, ORIGIN)
    assert admitted.group.quote == quote
    assert [job.consent for job in admitted.jobs] == [Consent.HUMAN, Consent.FREE, Consent.HUMAN]
    with pytest.raises(ConfirmationRequired):
        await shop.batches.order(OLGA, (*asks, paid("a cow")), None, ORIGIN)


@pytest.mark.parametrize(
    ("caller", "human", "pages", "hint"),
    [
        (OLGA, False, None, "Use a client that can be asked (MCP elicitation). "),
        (
            OLGA,
            False,
            PAGES,
            (
                "Use a client that can be asked (MCP elicitation), or have a person approve it at "
                "approval_url, then repeat the same call. "
            ),
        ),
        (
            OLGA,
            True,
            PAGES,
            "Have a person approve it at approval_url, then repeat the same call. ",
        ),
        (
            OLGA,
            True,
            None,
            "Have a person approve it on the service's pages, then repeat the same call. ",
        ),
        (RELAY, True, PAGES, "Repeat the call with confirm set to the quote's id. "),
    ],
)
async def test_the_hint_says_how(
    shop: Shop, caller: Caller, human: bool, pages: str | None, hint: str
) -> None:
    shop.offer(*OFFERS, human=human, pages=pages)
    required = await asked(shop, caller)
    assert required.hint == f"{hint}Nothing was spent."
    url = f"{pages}/{required.details['quote']}" if pages else None
    assert required.details.get("approval_url") == url


async def test_nobody_signs_in_as_local(shop: Shop) -> None:
    shop.acl.acl = grants(subjects={LOCAL: entry("images:write", "spend")})
    shop.offer(*OFFERS, pages=PAGES)
    assert "approval_url" not in (await asked(shop, Caller(subject=LOCAL))).details


async def test_no_question_stands_before_a_provider_that_is_not_asked_about(shop: Shop) -> None:
    shop.offer(*OFFERS, asked=frozenset({"engraver"}))
    job = await shop.admitted(caller=OLGA)
    assert (job.consent, job.ceiling) == (Consent.WAIVED, PRICE)
    assert await shop.money(OLGA) == (1, 0)
    claimed = await shop.claim()
    assert claimed is not None
    await shop.work().carry_out(claimed)
    assert (await shop.look(job)).state is State.SUCCEEDED
    assert await shop.money(OLGA) == (0, 1)
    estimate = shop.images.estimate(OLGA, paid())
    costs, nothing = [
        (each.plan, each.quote) for each in (estimate, shop.images.estimate(OLGA, free()))
    ]
    assert shop.gate.ways(OLGA, costs, nothing) == {Consent.WAIVED}
    assert shop.gate.ways(POOR, costs) == frozenset()
    assert shop.gate.ways(OLGA, nothing) == {Consent.HUMAN, Consent.CLIENT}


async def test_only_the_question_is_waived(shop: Shop) -> None:
    shop.offer(*OFFERS, asked=frozenset())
    with pytest.raises(Forbidden):
        await shop.images.order(POOR, paid(), None, ORIGIN)
    tight = entry(budget=Budget(per_call=Nano(PRICE - 1)))
    shop.acl.acl = grants(everyone=tight)
    with pytest.raises(BudgetExceeded):
        await shop.images.order(OLGA, paid(), None, ORIGIN)
    shop.acl.acl = grants(everyone=entry(budget=Budget(day=Nano(PRICE))))
    await shop.admitted(caller=OLGA)
    with pytest.raises(BudgetExceeded):
        await shop.admitted(paid("a dog"), OLGA)


async def test_a_waived_job_ends_where_spending_was_taken_back(shop: Shop) -> None:
    shop.offer(*OFFERS, asked=frozenset())
    job = await shop.admitted(caller=OLGA)
    shop.acl.acl = grants(subjects={OLGA.subject: entry("images:write")})
    claimed = await shop.claim()
    assert claimed is not None
    await shop.work().carry_out(claimed)
    assert (await shop.look(job)).error_code == "forbidden"
    assert await shop.money(OLGA) == (0, 0)


async def test_a_provider_that_may_stand_in_is_asked_about_too(shop: Shop) -> None:
    shop.offer(*OFFERS, OTHER, asked=frozenset({"engraver"}), first="painter")
    ask = Ask(prompt="a fox")
    plan = shop.images.estimate(OLGA, ask).plan
    assert {each.provider for each in plan.fallbacks} >= {"engraver"}
    with pytest.raises(ConfirmationRequired):
        await shop.images.order(OLGA, ask, None, ORIGIN)


async def test_a_batch_asks_for_those_that_are_asked_about(shop: Shop) -> None:
    shop.offer(*OFFERS, OTHER, asked=frozenset({"engraver"}))
    asks = (paid("a fox"), Ask(prompt="a dog", model="burin"))
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.batches.order(OLGA, asks, None, ORIGIN)
    assert raised.value.details["to_do"] == 1
    assert raised.value.details["ceiling_usd"] == "0.04"
    admitted = await shop.batches.order(OLGA, asks, yes(raised.value.details["quote"]), ORIGIN)
    assert [job.consent for job in admitted.jobs] == [Consent.WAIVED, Consent.CLIENT]
    assert await shop.money(OLGA) == (2, 0)
