"""Verdicts: values that nobody changes."""

from dataclasses import FrozenInstanceError, fields

import pytest

from imagewright.core.job import State
from imagewright.core.verdict import Verdict

LOST = Verdict(job="job", owner="a", attempt=1, state=State.OUTCOME_UNKNOWN, at=0, settled=None)


def test_a_verdict_without_a_settlement_made_no_images_and_names_no_error() -> None:
    assert LOST.settled is None
    assert LOST.images == ()
    assert (LOST.error_code, LOST.error_sentence, LOST.outcome) == (None, None, "{}")


@pytest.mark.parametrize("name", [field.name for field in fields(Verdict)])
def test_a_verdict_stays_as_it_was_given(name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(LOST, name, None)
