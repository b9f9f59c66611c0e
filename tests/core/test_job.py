"""Jobs: which have ended, and which answer the same ask again."""

import pytest

from imagewright.core.job import JOINABLE, State


@pytest.mark.parametrize("state", State)
def test_a_job_has_ended_unless_it_waits_or_runs(state: State) -> None:
    assert state.ended == (state not in {State.QUEUED, State.RUNNING})


def test_an_open_job_answers_the_same_ask() -> None:
    assert {state for state in State if not state.ended} <= JOINABLE


def test_a_job_of_unknown_outcome_is_joined_so_that_nothing_is_bought_twice() -> None:
    assert State.OUTCOME_UNKNOWN in JOINABLE


def test_a_failed_or_cancelled_job_can_be_asked_for_again() -> None:
    assert JOINABLE.isdisjoint({State.FAILED, State.CANCELED})
