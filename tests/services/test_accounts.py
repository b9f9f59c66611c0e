"""The accounts at the door: what they allow, when they are full, and who is told."""

from dataclasses import replace

import pytest

from imagewright.core.budget import Budget, Level, Span
from imagewright.core.caller import Credential
from imagewright.core.errors import BudgetExceeded, ConfirmationRequired
from imagewright.core.money import Nano
from imagewright.core.notice import Event
from tests.services.shop import BOT, OLGA, ORIGIN, PRICE, Shop, entry, grants, paid


async def test_a_call_dearer_than_allowed_is_refused_before_it_is_asked_about(shop: Shop) -> None:
    tight = entry("images:write", "spend", budget=Budget(per_call=PRICE))
    shop.acl.acl = grants(subjects={OLGA.subject: tight})
    with pytest.raises(BudgetExceeded) as raised:
        await shop.images.order(OLGA, paid(n=2), None, ORIGIN)
    assert raised.value.details["span"] == "call"
    with pytest.raises(ConfirmationRequired):
        await shop.images.order(OLGA, paid(n=1), None, ORIGIN)


@pytest.mark.parametrize(
    "budget", [Budget(day=PRICE), Budget(month=PRICE), Budget(per_call=Nano(PRICE - 1))]
)
async def test_a_tokens_budget_holds_for_whatever_is_asked_with_it(
    shop: Shop, budget: Budget
) -> None:
    narrow = replace(BOT, credential=Credential(id="tok-narrow", budget=budget))
    if budget.per_call is None:
        await shop.admitted(caller=narrow)
    with pytest.raises(BudgetExceeded) as raised:
        await shop.admitted(paid("a dog"), narrow)
    assert raised.value.details["level"] == "token"
    await shop.admitted(paid("an owl"), BOT)


async def test_a_soft_limit_is_told_of_once(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    budget = Budget(day=Nano(4 * PRICE), soft_day=Nano(2 * PRICE), soft_month=PRICE)
    shop.acl.acl = grants(subjects={BOT.subject: entry("images:write", "spend:unattended")})
    caller = replace(BOT, credential=Credential(id="tok-soft", budget=budget))
    for prompt in "abc":
        await shop.admitted(paid(prompt), caller)
    assert shop.telemetry.soft == [("token", "month"), ("token", "day")]
    lines = [each for each in caplog.records if each.message == "soft limit reached"]
    told = [(vars(each)["key"], vars(each)["period"], vars(each)["used_usd"]) for each in lines]
    assert told == [("tok-soft", "2026-11", "0.04"), ("tok-soft", "2026-11-21", "0.08")]
    (month, day) = shop.notices.sent
    assert (month.event, month.level, month.subject) == (Event.BUDGET_ALARM, "token", None)
    assert (dict(month.amounts), dict(month.ids)) == (
        {"soft_limit": "0.04", "used": "0.04"}, {"token": "tok-soft"},
    )  # fmt: skip
    assert dict(day.facts) == {"span": "day", "period": "2026-11-21"}
    shop.clock.advance(86_400)
    for prompt in "def":
        await shop.admitted(paid(prompt), caller)
    assert shop.telemetry.soft[2:] == [("token", "day")]


@pytest.mark.parametrize("span", list(Span))
async def test_a_full_budget_says_when_it_begins_again(shop: Shop, span: Span) -> None:
    shop.acl.acl = grants(everyone=entry(budget=Budget(**{span.value: PRICE})))
    await shop.admitted()
    with pytest.raises(BudgetExceeded) as raised:
        await shop.admitted(paid("a dog"))
    assert raised.value.details["span"] == span.value
    assert int(str(raised.value.details["resets_at"])) > shop.clock.now() // 1_000_000


async def test_only_groups_that_the_acl_knows_count_spending(shop: Shop) -> None:
    shop.acl.acl = grants(groups={"design": entry(budget=Budget(month=Nano(7)))})
    found = shop.gate.accounts.purses(replace(OLGA, groups=frozenset({"design", "x"})), ["painter"])
    assert [(purse.level, purse.key) for purse in found] == [
        (Level.TOKEN, "tok-olga"),
        (Level.SUBJECT, "user:olga"),
        (Level.GROUP, "design"),
        (Level.PROVIDER, "painter"),
        (Level.EVERYONE, ""),
    ]


async def test_a_purses_accounts_are_told_apart(shop: Shop) -> None:
    shop.acl.acl = grants(everyone=entry(budget=Budget(day=Nano(1), month=Nano(2))))
    everyone = shop.gate.accounts.purses(OLGA, ["painter"])[-1]
    found = shop.gate.accounts.spans(everyone)
    assert {span: (each.account.period, each.limit) for span, each in found.items()} == {
        Span.DAY: ("2026-11-21", 1),
        Span.MONTH: ("2026-11", 2),
    }


async def test_a_notice_of_a_soft_limit_says_whose_it_is(shop: Shop) -> None:
    soft = Budget(soft_day=Nano(1))
    shop.acl.acl = grants(
        subjects={BOT.subject: entry("images:write", "spend:unattended", budget=soft)},
        groups={"design": entry(budget=soft)},
        providers={"painter": soft},
        everyone=entry(budget=soft),
    )
    await shop.admitted(caller=replace(BOT, groups=frozenset({"design"})))
    told = {each.level: (each.subject, dict(each.facts)) for each in shop.notices.sent}
    when = {"span": "day", "period": "2026-11-21"}
    assert told == {
        "subject": (BOT.subject, when),
        "group": (None, {**when, "group": "design"}),
        "provider": (None, {**when, "provider": "painter"}),
        "everyone": (None, when),
    }
