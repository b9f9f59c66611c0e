"""Whether new work is taken."""

import pytest

from imagewright.core.errors import Unavailable
from imagewright.services.intake import Intake


def test_work_is_taken_until_it_is_closed_and_never_again() -> None:
    intake = Intake()
    intake.check()
    assert not intake.drained
    for _ in range(2):
        intake.close()
        with pytest.raises(Unavailable, match="takes no new work"):
            intake.check()
        assert not intake.drained


def test_what_is_drained_is_closed() -> None:
    intake = Intake()
    intake.end()
    assert (intake.drained, intake.closed) == (True, True)
