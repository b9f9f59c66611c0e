"""What a caller has spent, and what is left to it."""

from dataclasses import replace
from typing import cast

from imagewright.core.budget import Budget, Level, Span
from imagewright.core.money import Nano
from imagewright.ports.books import Books
from imagewright.services.usage import Allowance, UsageService
from tests.contracts.samples import NOON, SECOND
from tests.services.shop import BOT, OLGA, PRICE, Shop, entry, grants, paid

DAY_END = NOON + 12 * 3600 * SECOND


async def usage(shop: Shop) -> UsageService:
    return UsageService(cast("Books", shop.books), shop.gate.accounts)


def of(found: tuple[Allowance, ...], level: Level, span: Span) -> Allowance:
    (one,) = (each for each in found if (each.level, each.span) == (level, span))
    return one


async def test_held_settled_and_left_are_told_by_day_and_month(shop: Shop) -> None:
    limits = Budget(day=Nano(3 * PRICE), month=Nano(9 * PRICE))
    shop.acl.acl = grants(
        subjects={BOT.subject: entry("images:write", "spend:unattended", budget=limits)}
    )
    await shop.work().carry_out(await shop.claimed())
    await shop.admitted(paid("a dog"))
    found = await (await usage(shop)).allowances(BOT)
    day = of(found, Level.SUBJECT, Span.DAY)
    assert (day.held, day.settled, day.limit, day.left) == (PRICE, PRICE, 3 * PRICE, PRICE)
    assert day.resets_at == DAY_END
    month = of(found, Level.SUBJECT, Span.MONTH)
    assert (month.held, month.settled, month.left) == (PRICE, PRICE, 7 * PRICE)
    assert month.resets_at > day.resets_at


async def test_a_new_day_begins_with_nothing_and_the_month_goes_on(shop: Shop) -> None:
    await shop.work().carry_out(await shop.claimed())
    shop.clock.advance(86_400)
    found = await (await usage(shop)).allowances(BOT)
    assert of(found, Level.SUBJECT, Span.DAY).settled == 0
    assert of(found, Level.SUBJECT, Span.MONTH).settled == PRICE


async def test_without_a_limit_nothing_is_said_to_be_left(shop: Shop) -> None:
    found = await (await usage(shop)).allowances(OLGA)
    assert {(each.limit, each.left) for each in found} == {(None, None)}


async def test_a_limit_lowered_below_what_is_used_leaves_nothing(shop: Shop) -> None:
    await shop.admitted()
    lowered = entry("images:write", "spend:unattended", budget=Budget(day=Nano(1)))
    shop.acl.acl = grants(subjects={BOT.subject: lowered})
    found = await (await usage(shop)).allowances(BOT)
    assert of(found, Level.SUBJECT, Span.DAY).left == 0


async def test_only_the_callers_own_levels_are_shown_the_narrowest_first(shop: Shop) -> None:
    shop.acl.acl = grants(groups={"design": entry()}, everyone=entry(budget=Budget(day=Nano(1))))
    member = replace(OLGA, groups=frozenset({"design", "unknown"}))
    found = await (await usage(shop)).allowances(member)
    assert [(each.level, each.key) for each in found[::2]] == [
        (Level.TOKEN, "tok-olga"),
        (Level.SUBJECT, "user:olga"),
        (Level.GROUP, "design"),
    ]


async def test_the_tightest_of_all_levels_is_what_is_left(shop: Shop) -> None:
    counting = await usage(shop)
    assert await counting.tightest(OLGA, ["painter"]) is None
    shop.acl.acl = grants(
        everyone=entry(budget=Budget(month=Nano(9 * PRICE))),
        providers={"painter": Budget(day=Nano(4 * PRICE)), "carver": Budget(day=Nano(1))},
    )
    await shop.admitted()
    found = await counting.tightest(OLGA, ["painter"])
    assert found is not None
    assert (found.level, found.key, found.span) == (Level.PROVIDER, "painter", Span.DAY)
    assert (found.left, found.resets_at) == (3 * PRICE, DAY_END)
    everyone = await counting.tightest(OLGA, [])
    assert everyone is not None
    assert (everyone.level, everyone.left) == (Level.EVERYONE, 8 * PRICE)
