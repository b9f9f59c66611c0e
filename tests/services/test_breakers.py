"""Circuit breakers: they open after failures in a row, and one call tries when the rest is over."""

import asyncio

import pytest

from imagewright.core.errors import (
    Fault,
    Forbidden,
    ModerationBlocked,
    ProviderBusy,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.services.breakers import TROUBLE, BreakerRules, Breakers
from tests.fakes.clock import HandClock
from tests.fakes.outside import Counted

RULES = BreakerRules(failures=3, rest=30, longest=100)
AWAY = ProviderUnavailable("away")


def call(breakers: Breakers, error: BaseException | None, times: int = 1) -> None:
    for _ in range(times):
        breakers.enter("painter")
        breakers.leave("painter", error)


def made() -> tuple[Breakers, HandClock, Counted]:
    clock, told = HandClock(), Counted()
    return Breakers(clock, told, RULES), clock, told


@pytest.mark.parametrize("trouble", TROUBLE)
def test_failures_in_a_row_open_it(trouble: type[Fault]) -> None:
    breakers, _, told = made()
    call(breakers, trouble("x"), 3)
    assert breakers.resting() == {"painter"}
    assert told.breakers == {"painter": True}
    with pytest.raises(ProviderUnavailable) as refused:
        breakers.enter("painter")
    assert refused.value.details == {"retry_after": 30}
    assert "30 s" in (refused.value.hint or "")
    breakers.enter("another")


@pytest.mark.parametrize(
    "proof",
    [None, ModerationBlocked("x"), ProviderBusy("x"), ProviderRejected("x"), Unsupported("x")],
)
def test_a_success_or_a_refusal_of_one_ask_begins_the_count_anew(proof: Fault | None) -> None:
    breakers, _, _ = made()
    call(breakers, AWAY, 2)
    call(breakers, proof)
    call(breakers, AWAY, 2)
    assert breakers.resting() == frozenset()


@pytest.mark.parametrize("nothing", [Forbidden("x"), asyncio.CancelledError(), RuntimeError()])
def test_what_proves_nothing_changes_nothing(nothing: BaseException) -> None:
    breakers, _, _ = made()
    call(breakers, AWAY, 2)
    call(breakers, nothing, 5)
    assert breakers.resting() == frozenset()
    call(breakers, AWAY)
    assert breakers.resting() == {"painter"}


def test_after_its_rest_one_call_tries_and_closes_it() -> None:
    breakers, clock, told = made()
    call(breakers, AWAY, 3)
    clock.advance(30)
    assert breakers.resting() == frozenset()
    breakers.enter("painter")
    assert breakers.resting() == {"painter"}
    with pytest.raises(ProviderUnavailable):
        breakers.enter("painter")
    breakers.leave("painter", None)
    assert breakers.resting() == frozenset()
    assert told.breakers == {"painter": False}
    call(breakers, AWAY, 2)
    assert breakers.resting() == frozenset()


def test_each_failed_try_doubles_the_rest_up_to_a_bound() -> None:
    breakers, clock, _ = made()
    call(breakers, AWAY, 3)
    for rest in (30, 60, 100, 100):
        clock.advance(rest - 1)
        assert breakers.resting() == {"painter"}
        clock.advance(1)
        call(breakers, AWAY)


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_its_rest() -> None:
    breakers, clock, _ = made()
    for _ in range(8):
        breakers.enter("painter")
    for _ in range(8):
        breakers.leave("painter", AWAY)
    clock.advance(29)
    assert breakers.resting() == {"painter"}
    clock.advance(1)
    assert breakers.resting() == frozenset()


def test_a_try_that_is_broken_off_lets_another_one_try() -> None:
    breakers, clock, _ = made()
    call(breakers, AWAY, 3)
    clock.advance(30)
    call(breakers, asyncio.CancelledError())
    call(breakers, None)
    assert breakers.resting() == frozenset()
