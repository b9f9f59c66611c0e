"""Batches: what a group is made of, where it stands and what it may cost."""

from dataclasses import replace

import pytest

from imagewright.core.batch import (
    MAX_ITEMS,
    Group,
    Item,
    at_item,
    check_count,
    firsts_of,
    items_of,
    none_begun,
    quote_of,
    state_of,
    whole,
)
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden, InvalidRequest, Unsupported
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent, Quote

JOB = Job(
    id="job_a",
    caller=Caller(subject="user:a"),
    state=State.QUEUED,
    digest="d",
    plan="{}",
    provider="studio",
    model="painter-2",
    count=1,
    quote="quo_a",
    consent=Consent.FREE,
    ceiling=Nano(0),
    actual=None,
    attempt=0,
    created_at=0,
    started_at=None,
    finished_at=None,
    stage="queued",
    done=0,
    total=0,
    cancel=False,
    error_code=None,
    error_sentence=None,
    outcome=None,
    group="grp_a",
)
QUOTE = Quote(
    id="quo_a",
    digest="d",
    provider="studio",
    model="painter-2",
    count=2,
    size="64x64",
    ceiling=Nano(5),
    estimate=False,
    expires_at=900,
)


def test_the_same_again_points_to_the_first() -> None:
    assert firsts_of(["a", "b", "a", "c", "b"]) == (0, 1, 0, 3, 1)
    assert firsts_of([]) == ()


def test_items_keep_their_order_and_the_same_ask_twice_is_done_once() -> None:
    earlier = replace(JOB, id="job_b", group=None)
    group = Group(
        id="grp_a", digest="d", quote="q", items=("job_a", "job_b", "job_a"), created_at=0
    )
    assert items_of(group, (earlier, JOB)) == (
        Item(job=JOB, reused=False),
        Item(job=earlier, reused=True),
        Item(job=JOB, reused=True),
    )


def test_another_order_or_another_part_is_another_batch() -> None:
    assert whole(("a", "b")) == whole(iter(("a", "b")))
    assert len({whole(("a", "b")), whole(("b", "a")), whole(("a",)), whole(("ab",))}) == 4


@pytest.mark.parametrize(
    ("states", "whole_state"),
    [
        ("queued queued", "queued"),
        ("queued succeeded", "running"),
        ("running queued", "running"),
        ("failed succeeded", "succeeded"),
        ("failed outcome_unknown", "outcome_unknown"),
        ("failed canceled", "failed"),
        ("canceled", "canceled"),
    ],
)
def test_a_group_stands_where_its_jobs_do(states: str, whole_state: str) -> None:
    assert state_of(replace(JOB, state=State(each)) for each in states.split()) == whole_state


def test_the_quote_of_a_batch_is_what_all_of_it_may_cost() -> None:
    other = replace(
        QUOTE, provider="local", count=3, ceiling=Nano(7), estimate=True, expires_at=800
    )
    found = quote_of((QUOTE, other, QUOTE), "quo_b", "e")
    assert found == Quote(
        id="quo_b",
        digest="e",
        provider="studio, local",
        model="painter-2",
        count=7,
        size="64x64",
        ceiling=Nano(17),
        estimate=True,
        expires_at=800,
    )
    assert quote_of((QUOTE, replace(QUOTE, size="auto")), "q", "e").size == "several sizes"


@pytest.mark.parametrize("items", [0, MAX_ITEMS + 1])
def test_a_batch_has_from_1_to_100_items(items: int) -> None:
    check_count(1)
    check_count(MAX_ITEMS)
    with pytest.raises(InvalidRequest, match=f"has {items} items"):
        check_count(items)


def test_a_fault_says_which_item_it_is_of() -> None:
    fault = at_item(Forbidden("No.", hint="Ask.", details={"limit": "n"}), 3)
    assert isinstance(fault, Forbidden)
    assert (fault.sentence, fault.hint) == ("No.", "Ask.")
    assert fault.details == {"limit": "n", "item": 3}


def test_items_that_cannot_be_done_are_named_with_their_codes() -> None:
    fault = none_begun({2: Unsupported("It has no seed.", hint="Leave it out.")}, 4)
    assert fault.sentence == "1 of 4 items cannot be done; nothing was begun."
    assert fault.details["items"] == {
        "2": {"code": "unsupported", "message": "It has no seed.", "hint": "Leave it out."}
    }
    many = none_begun({place: Unsupported("x") for place in range(50)}, 60).details["items"]
    assert isinstance(many, dict)
    assert len(many) == 20
