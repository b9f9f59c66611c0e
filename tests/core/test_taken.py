"""What is known of an order that a vendor has taken."""

from dataclasses import replace

from imagewright.core.taken import Taken, read_taken
from tests.contracts.samples import plan_of

TAKEN = Taken(provider="painter", model="brush-1", request='an "id" of theirs')


def test_it_is_read_as_it_was_written() -> None:
    assert read_taken(TAKEN.text()) == TAKEN


def test_what_the_vendor_calls_it_is_not_shown() -> None:
    assert "theirs" not in repr(TAKEN)


def test_the_plan_that_was_carried_out_is_found() -> None:
    plan = plan_of("a fox")
    other = replace(plan, provider="other")
    assert TAKEN.plan(plan) == plan
    assert TAKEN.plan(replace(other, fallbacks=(plan,))) == plan
    assert TAKEN.plan(other) is None
