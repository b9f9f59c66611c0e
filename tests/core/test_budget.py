"""Budgets: periods by the calendar of a place, and accounts in one fixed order."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.budget import (
    Account,
    Budget,
    Charge,
    Level,
    Span,
    day_began,
    period,
    resets_at,
)
from imagewright.core.caller import Caller, Credential
from imagewright.core.money import FREE, Nano
from imagewright.core.purse import Purse, charges, purses

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
APIA = ZoneInfo("Pacific/Apia")
CAIRO = ZoneInfo("Africa/Cairo")
HAVANA = ZoneInfo("America/Havana")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = st.sampled_from([AMSTERDAM, APIA, CAIRO, HAVANA, LORD_HOWE, ZoneInfo("UTC")])
MOMENTS = st.integers(946_684_800_000_000, 2_145_916_799_999_999)  # 2000 to 2037

CALLER = Caller(
    subject="user:alice", groups=frozenset({"web", "design"}), credential=Credential(id="tok_1")
)


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("at", "zone", "day", "month"),
    [
        ("2026-11-30T22:59:59+00:00", AMSTERDAM, "2026-11-30", "2026-11"),
        ("2026-11-30T23:00:00+00:00", AMSTERDAM, "2026-12-01", "2026-12"),
        ("2026-06-30T21:59:59+00:00", AMSTERDAM, "2026-06-30", "2026-06"),
        ("2026-06-30T22:00:00+00:00", AMSTERDAM, "2026-07-01", "2026-07"),
        ("2026-11-30T10:59:59+00:00", APIA, "2026-11-30", "2026-11"),
        ("2026-11-30T11:00:00+00:00", APIA, "2026-12-01", "2026-12"),
        ("2011-12-30T09:59:59+00:00", APIA, "2011-12-29", "2011-12"),
        ("2011-12-30T10:00:00+00:00", APIA, "2011-12-31", "2011-12"),
        ("2028-02-29T12:00:00+00:00", AMSTERDAM, "2028-02-29", "2028-02"),
    ],
)
def test_a_period_is_the_day_or_month_at_that_place(
    at: str, zone: ZoneInfo, day: str, month: str
) -> None:
    assert period(Span.DAY, moment(at), zone) == day
    assert period(Span.MONTH, moment(at), zone) == month


@pytest.mark.parametrize(
    ("span", "at", "zone", "reset"),
    [
        # The day that clocks go forward has 23 hours, the day they go back 25.
        (Span.DAY, "2026-03-29T00:30:00+01:00", AMSTERDAM, "2026-03-30T00:00:00+02:00"),
        (Span.DAY, "2026-10-25T00:30:00+02:00", AMSTERDAM, "2026-10-26T00:00:00+01:00"),
        (Span.DAY, "2026-10-25T02:30:00+01:00", AMSTERDAM, "2026-10-26T00:00:00+01:00"),
        (Span.MONTH, "2026-10-01T00:00:00+02:00", AMSTERDAM, "2026-11-01T00:00:00+01:00"),
        (Span.MONTH, "2026-12-31T23:59:59+01:00", AMSTERDAM, "2027-01-01T00:00:00+01:00"),
        (Span.MONTH, "2027-01-31T12:00:00+01:00", AMSTERDAM, "2027-02-01T00:00:00+01:00"),
        # Samoa had no 30 December 2011.
        (Span.DAY, "2011-12-29T23:00:00-10:00", APIA, "2011-12-31T00:00:00+14:00"),
        (Span.MONTH, "2011-12-29T23:00:00-10:00", APIA, "2012-01-01T00:00:00+14:00"),
        # Egypt's clocks go forward at midnight: that day begins at one o'clock.
        (Span.DAY, "2026-04-23T12:00:00+02:00", CAIRO, "2026-04-24T01:00:00+03:00"),
        # Cuba's go back at one o'clock: midnight comes twice, and the day begins at the first.
        (Span.DAY, "2026-10-31T12:00:00-04:00", HAVANA, "2026-11-01T00:00:00-04:00"),
        (Span.DAY, "2026-11-01T00:30:00-05:00", HAVANA, "2026-11-02T00:00:00-05:00"),
    ],
)
def test_a_period_ends_at_the_next_midnight_at_that_place(
    span: Span, at: str, zone: ZoneInfo, reset: str
) -> None:
    assert resets_at(span, moment(at), zone) == moment(reset)


@given(at=MOMENTS, zone=ZONES)
def test_a_day_began_where_the_one_before_ended(at: int, zone: ZoneInfo) -> None:
    began = day_began(at, zone)
    assert began <= at < resets_at(Span.DAY, at, zone)
    assert period(Span.DAY, began, zone) == period(Span.DAY, at, zone)
    assert period(Span.DAY, began - 1, zone) < period(Span.DAY, at, zone)


def test_a_day_whose_midnight_comes_twice_began_at_the_first() -> None:
    late = moment("2026-11-01T00:30:00-05:00")
    assert day_began(late, HAVANA) == moment("2026-11-01T00:00:00-04:00")


@given(span=st.sampled_from(Span), at=MOMENTS, zone=ZONES)
def test_a_period_lasts_until_its_reset_and_not_longer(span: Span, at: int, zone: ZoneInfo) -> None:
    reset = resets_at(span, at, zone)

    assert reset > at
    assert period(span, reset - 1, zone) == period(span, at, zone)
    assert period(span, reset, zone) > period(span, at, zone)


def test_a_budget_limits_a_day_and_a_month_each_by_its_own() -> None:
    budget = Budget(per_call=Nano(1), day=Nano(2), month=Nano(3))

    assert (budget.limit(Span.DAY), budget.limit(Span.MONTH)) == (2, 3)
    assert (Budget().limit(Span.DAY), Budget().limit(Span.MONTH)) == (None, None)


def test_a_soft_limit_is_a_days_or_a_months() -> None:
    budget = Budget(soft_day=Nano(2), soft_month=Nano(3))

    assert (budget.soft(Span.DAY), budget.soft(Span.MONTH)) == (2, 3)
    assert (budget.limit(Span.DAY), Budget().soft(Span.DAY)) == (None, None)


def test_a_tokens_budget_is_its_own_and_every_provider_that_may_be_paid_counts() -> None:
    mine = Budget(day=Nano(7), soft_day=Nano(5))
    caller = replace(CALLER, credential=Credential(id="tok_1", budget=mine))
    found = purses(caller, ["studio", "attic", "studio"], {(Level.TOKEN, "tok_1"): Budget()})

    assert found[0] == Purse(level=Level.TOKEN, key="tok_1", budget=mine)
    named = [purse.key for purse in found if purse.level is Level.PROVIDER]
    assert named == ["attic", "studio"]
    held = {each.account.period: each for each in charges(found[:1], 0, AMSTERDAM)}
    assert {each: (held[each].limit, held[each].soft) for each in held} == {
        "1970-01": (None, None),
        "1970-01-01": (7, 5),
    }


def test_every_level_counts_whether_it_has_a_budget_or_not() -> None:
    mine = Budget(day=FREE)

    assert purses(CALLER, ["studio"], {(Level.SUBJECT, "user:alice"): mine}) == (
        Purse(level=Level.TOKEN, key="tok_1", budget=Budget()),
        Purse(level=Level.SUBJECT, key="user:alice", budget=mine),
        Purse(level=Level.GROUP, key="design", budget=Budget()),
        Purse(level=Level.GROUP, key="web", budget=Budget()),
        Purse(level=Level.PROVIDER, key="studio", budget=Budget()),
        Purse(level=Level.EVERYONE, key="", budget=Budget()),
    )


def test_another_subjects_budget_is_not_ours() -> None:
    theirs = {(Level.SUBJECT, "user:bob"): Budget(day=FREE), (Level.PROVIDER, "x"): Budget()}

    assert all(purse.budget == Budget() for purse in purses(CALLER, ["studio"], theirs))


def test_a_charge_is_a_purses_period_and_its_limit() -> None:
    held = [Purse(level=Level.SUBJECT, key="user:alice", budget=Budget(day=FREE))]

    assert charges(held, moment("2026-11-30T23:30:00+00:00"), AMSTERDAM) == (
        Charge(account=Account(level=Level.SUBJECT, key="user:alice", period="2026-12")),
        Charge(
            account=Account(level=Level.SUBJECT, key="user:alice", period="2026-12-01"), limit=FREE
        ),
    )


@given(order=st.permutations(purses(CALLER, ["studio"], {})), at=MOMENTS)
def test_accounts_are_held_in_one_order_whoever_asks(order: list[Purse], at: int) -> None:
    held = charges(order, at, AMSTERDAM)

    assert held == charges(purses(CALLER, ["studio"], {}), at, AMSTERDAM)
    assert [charge.account for charge in held] == sorted({charge.account for charge in held})
    assert len(held) == len(order) * len(Span)
