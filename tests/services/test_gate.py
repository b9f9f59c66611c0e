"""The one door: who is let in, at what price, by whose consent."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagewright.core.ask import AUTO
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import (
    Busy,
    ConfirmationInvalid,
    ConfirmationRequired,
    Forbidden,
    Unpriced,
)
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.policy import Maximum
from imagewright.core.quote import Consent
from imagewright.core.scope import Scope
from imagewright.core.spending import Settled, Usage
from imagewright.ports.books import Capacity
from imagewright.services.gate import Report
from tests.contracts.samples import verdict
from tests.services.shop import (
    BOT,
    BRUSH,
    NOBODY,
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


async def asked(shop: Shop, caller: Caller = OLGA, **ask: Any) -> dict[str, Any]:
    """What the question says of the quote."""
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.images.order(caller, paid(**ask), None, ORIGIN)
    return dict(raised.value.details)


async def test_a_free_ask_is_let_in_without_consent(shop: Shop) -> None:
    admitted = await shop.images.order(POOR, free(), None, ORIGIN)
    assert (admitted.job.consent, admitted.job.ceiling) == (Consent.FREE, 0)


async def test_a_paid_ask_is_asked_about_before_anything_is_held(shop: Shop) -> None:
    question = await asked(shop, n=2)
    assert question["ceiling_usd"] == "0.08"
    assert question["quote"].startswith("quo_")
    assert await shop.money(OLGA) == (0, 0)
    assert await shop.table.counts() == {"outcome_unknown": 0, "queued": 0, "running": 0}


async def test_a_yes_opens_the_door_once(shop: Shop) -> None:
    quote = (await asked(shop))["quote"]
    admitted = await shop.images.order(OLGA, paid(), yes(quote), ORIGIN)
    assert admitted.fresh
    assert admitted.job.consent is Consent.CLIENT
    assert await shop.money(OLGA) == (1, 0)
    again = await shop.images.order(OLGA, paid(), yes(quote), ORIGIN)
    assert (again.job.id, again.fresh) == (admitted.job.id, False)
    await shop.jobs.cancel(OLGA, admitted.job.id, ORIGIN)
    with pytest.raises(ConfirmationInvalid):
        await shop.images.order(OLGA, paid(), yes(quote), ORIGIN)


@pytest.mark.parametrize("ask", [{"prompt": "a dog"}, {"n": 2}, {"tags": ("x",)}])
async def test_a_yes_to_one_ask_is_none_to_another(shop: Shop, ask: dict[str, Any]) -> None:
    quote = (await asked(shop))["quote"]
    with pytest.raises(ConfirmationInvalid):
        await shop.images.order(OLGA, paid(**ask), yes(quote), ORIGIN)
    assert await shop.money(OLGA) == (0, 0)


async def test_a_yes_is_nobody_elses(shop: Shop) -> None:
    quote = (await asked(shop))["quote"]
    with pytest.raises(ConfirmationInvalid):
        await shop.images.order(RELAY, paid(), yes(quote), ORIGIN)


async def test_a_yes_is_too_late_once_the_quote_has_expired(shop: Shop) -> None:
    quote = (await asked(shop))["quote"]
    shop.clock.advance(601)
    with pytest.raises(ConfirmationInvalid):
        await shop.images.order(OLGA, paid(), yes(quote), ORIGIN)


async def test_the_same_question_is_asked_again_with_the_same_quote(shop: Shop) -> None:
    assert (await asked(shop))["quote"] == (await asked(shop))["quote"]


@pytest.mark.parametrize("weak", [Consent.ECHO, Consent.UNATTENDED, Consent.FREE])
async def test_a_weaker_consent_than_granted_is_asked_again(shop: Shop, weak: Consent) -> None:
    quote = (await asked(shop))["quote"]
    with pytest.raises(ConfirmationRequired):
        await shop.images.order(OLGA, paid(), yes(quote, weak), ORIGIN)


async def test_a_relayed_yes_counts_where_it_was_granted(shop: Shop) -> None:
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.images.order(RELAY, paid(), None, ORIGIN)
    assert "confirm" in raised.value.hint
    answer = yes(raised.value.details["quote"], Consent.ECHO)
    admitted = await shop.images.order(RELAY, paid(), answer, ORIGIN)
    assert admitted.job.consent is Consent.ECHO


async def test_whoever_may_not_relay_is_told_of_a_client_that_asks(shop: Shop) -> None:
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.images.order(OLGA, paid(), None, ORIGIN)
    assert "elicitation" in raised.value.hint


async def test_the_unattended_are_not_asked(shop: Shop) -> None:
    admitted = await shop.images.order(BOT, paid(), None, ORIGIN)
    assert admitted.job.consent is Consent.UNATTENDED
    assert await shop.money(BOT) == (1, 0)


async def test_without_a_right_to_spend_a_paid_ask_is_refused(shop: Shop) -> None:
    with pytest.raises(Forbidden, match="may not spend"):
        await shop.images.order(POOR, paid(), yes("quo_x"), ORIGIN)


@pytest.mark.parametrize("caller", [READER, NOBODY])
async def test_without_a_right_to_write_even_a_free_ask_is_refused(
    shop: Shop, caller: Caller
) -> None:
    with pytest.raises(Forbidden, match="may not make images"):
        await shop.images.order(caller, free(), None, ORIGIN)


async def test_read_only_beats_every_grant(shop: Shop) -> None:
    shop.acl.acl = grants(read_only=True)
    with pytest.raises(Forbidden):
        await shop.images.order(BOT, free(), None, ORIGIN)
    assert shop.gate.decide(BOT, None, Scope.IMAGES_READ).allowed
    assert not shop.gate.decide(BOT, None, Scope.IMAGES_WRITE).allowed


async def test_a_tool_that_is_not_listed_is_refused_at_the_door_too(shop: Shop) -> None:
    limited = entry("images:write", "spend", tools=("edit_*",))
    shop.acl.acl = grants(subjects={OLGA.subject: limited})
    with pytest.raises(Forbidden):
        await shop.images.order(OLGA, free(), None, ORIGIN)


async def test_a_maximum_is_kept_and_named(shop: Shop) -> None:
    few = entry("images:write", maximum=Maximum(n=1))
    shop.acl.acl = grants(subjects={POOR.subject: few})
    with pytest.raises(Forbidden) as raised:
        await shop.images.order(POOR, free(n=2), None, ORIGIN)
    assert raised.value.details == {"limit": "n"}
    assert (await shop.images.order(POOR, free(n=1), None, ORIGIN)).fresh


async def test_what_has_no_price_is_refused(shop: Shop) -> None:
    with pytest.raises(Unpriced):
        await shop.images.order(BOT, replace(free(), model="riddle"), None, ORIGIN)


async def test_a_full_queue_is_told(shop: Shop) -> None:
    shop.offer(*OFFERS, capacity=Capacity(waiting=1))
    await shop.admitted()
    with pytest.raises(Busy):
        await shop.admitted(paid("a dog"))


async def test_an_earlier_result_answers_without_a_question(shop: Shop) -> None:
    quote = (await asked(shop))["quote"]
    await shop.images.order(OLGA, paid(), yes(quote), ORIGIN)
    joined = await shop.images.order(OLGA, paid(), None, ORIGIN)
    assert not joined.fresh


async def test_the_same_yes_given_twice_at_a_time_buys_once(shop: Shop) -> None:
    answer = yes((await asked(shop))["quote"])
    found = await asyncio.gather(
        *(shop.images.order(OLGA, paid(), answer, ORIGIN) for _ in range(5))
    )
    assert sorted(each.fresh for each in found) == [False] * 4 + [True]
    assert len({each.job.id for each in found}) == 1
    assert await shop.money(OLGA) == (1, 0)


async def test_an_ask_that_comes_to_another_plan_joins_the_job_that_runs(shop: Shop) -> None:
    ask = replace(paid(), model=AUTO)
    first = await shop.images.order(BOT, ask, None, ORIGIN)
    shop.offer(replace(OFFERS[0], models=(model("pencil", {"*": 2 * PRICE}), BRUSH)))
    joined = await shop.images.order(BOT, ask, None, ORIGIN)
    assert (joined.fresh, joined.job.id, joined.job.model) == (False, first.job.id, "brush")
    assert await shop.money() == (1, 0)


@pytest.mark.parametrize("price", [PRICE, PRICE // 2])
async def test_a_yes_to_one_plan_is_none_to_another_though_it_is_the_same_ask(
    shop: Shop, price: int
) -> None:
    ask = replace(paid(), model=AUTO)
    with pytest.raises(ConfirmationRequired) as raised:
        await shop.images.order(OLGA, ask, None, ORIGIN)
    shop.offer(replace(OFFERS[0], models=(model("pencil", {"*": price}), BRUSH)))
    with pytest.raises(ConfirmationInvalid):
        await shop.images.order(OLGA, ask, yes(raised.value.details["quote"]), ORIGIN)


@pytest.mark.parametrize(("price", "good"), [(PRICE - 1, True), (PRICE + 1, False)])
async def test_a_yes_holds_for_a_price_that_fell_and_not_for_one_that_rose(
    shop: Shop, price: int, good: bool
) -> None:
    answer = yes((await asked(shop))["quote"])
    shop.offer(replace(OFFERS[0], models=(model("brush", {"*": price}),)))
    if good:
        assert (await shop.images.order(OLGA, paid(), answer, ORIGIN)).job.ceiling == price
    else:
        with pytest.raises(ConfirmationInvalid):
            await shop.images.order(OLGA, paid(), answer, ORIGIN)


async def test_results_are_not_reused_where_the_operator_says_so(shop: Shop) -> None:
    shop.offer(*OFFERS, reuse_seconds=0)
    job = await shop.claimed()
    await shop.work().carry_out(job)
    assert (await shop.look(job)).state is State.SUCCEEDED
    assert (await shop.images.order(BOT, paid(), None, ORIGIN)).fresh


@pytest.mark.parametrize(
    ("usage", "entered"),
    [
        (None, Settled(amount=Nano(2 * PRICE))),
        (Usage(pictures=1), Settled(amount=PRICE)),
        (Usage(cost=Nano(3)), Settled(amount=Nano(3))),
        (Usage(cost=Nano(3 * PRICE)), Settled(amount=Nano(2 * PRICE), disputed=Nano(3 * PRICE))),
        (Usage(cost=Nano(-1)), Settled(amount=Nano(2 * PRICE), disputed=Nano(-1))),
        (Usage(), Settled(amount=Nano(2 * PRICE))),
        (Usage(cost=Nano(10**30)), Settled(amount=Nano(2 * PRICE), disputed=Nano(2**63 - 1))),
        (Usage(pictures=-(10**30)), Settled(amount=Nano(2 * PRICE), disputed=Nano(1 - 2**63))),
    ],
)
async def test_a_report_is_believed_within_the_ceiling_only(
    shop: Shop, usage: Usage | None, entered: Settled
) -> None:
    job = await shop.claimed(paid(n=2))
    assert await shop.gate.settle(job, verdict(job, None), Report(usage=usage))
    assert (await shop.balance()).settled == entered.amount
    disputed = await shop.database.read(
        lambda sql: sql.exec_driver_sql(
            "SELECT disputed FROM ledger WHERE kind = 'settle'"
        ).scalar()
    )
    assert disputed == entered.disputed
    assert (await shop.balance()).held == 0


async def test_an_unknown_outcome_keeps_its_hold(shop: Shop) -> None:
    job = await shop.claimed()
    unknown = verdict(job, None, state=State.OUTCOME_UNKNOWN)
    assert await shop.gate.settle(job, unknown, Report(usage=Usage(cost=Nano(1))))
    assert await shop.money() == (1, 0)


@pytest.mark.parametrize("gone", ["model", "provider"])
async def test_a_model_that_was_taken_away_meanwhile_is_settled_by_the_vendors_price(
    shop: Shop, gone: str
) -> None:
    job = await shop.claimed()
    shop.offer(*((replace(OFFERS[0], models=()),) if gone == "model" else ()))
    assert await shop.gate.settle(job, verdict(job, None), Report(usage=Usage(cost=Nano(5))))
    assert (await shop.balance()).settled == 5


async def test_a_grant_ends_with_its_day_in_the_operators_zone(shop: Shop) -> None:
    shop.acl.acl = grants(
        subjects={POOR.subject: entry("images:write", expires=date(2026, 11, 21))}
    )
    assert shop.gate.scopes(POOR) == {Scope.IMAGES_WRITE}
    shop.clock.advance(86_400)
    assert shop.gate.scopes(POOR) == frozenset()


async def test_a_credential_narrows(shop: Shop) -> None:
    narrow = replace(OLGA, credential=Credential(id="t", scopes=frozenset({"images:read"})))
    assert shop.gate.scopes(narrow) == {Scope.IMAGES_READ}
    assert shop.gate.consents(narrow) == frozenset()


CALLERS = st.sampled_from([OLGA, BOT, RELAY, POOR, READER, NOBODY])
STEPS = st.lists(
    st.tuples(
        CALLERS,
        st.sampled_from(["a fox", "a dog"]),
        st.integers(1, 2),
        st.sampled_from([None, *Consent]),
        st.integers(0, 5),
        st.sampled_from([0, 0, 0, 700]),
    ),
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_row_of_asks_and_answers_spends_without_a_consent_that_is_granted(
    shop: Shop, steps: list[tuple[Caller, str, int, Consent | None, int, int]]
) -> None:
    """An ask is let in where it is unattended, or once by a quote of exactly that ask."""
    offered: list[tuple[str, Caller, str, int]] = []
    used: set[str] = set()
    entered: list[Job] = []
    for caller, prompt, n, consent, which, pause in steps:
        shop.clock.advance(pause + 1)
        answer = None
        if consent is not None and offered:
            answer = yes(offered[which % len(offered)][0], consent)
        try:
            admitted = await shop.images.order(caller, paid(prompt, n=n), answer, ORIGIN)
        except ConfirmationRequired as question:
            offered.append((str(question.details["quote"]), caller, prompt, n))
            continue
        except (ConfirmationInvalid, Forbidden):
            continue
        job = admitted.job
        if not admitted.fresh:
            assert job in entered
            continue
        entered.append(job)
        assert job.consent in shop.gate.consents(caller)
        if job.consent is not Consent.UNATTENDED:
            assert answer is not None
            assert (answer.quote, caller, prompt, n) in offered
            assert answer.quote not in used
            used.add(answer.quote)
    for job in entered:
        await shop.jobs.cancel(job.caller, job.id, ORIGIN)
