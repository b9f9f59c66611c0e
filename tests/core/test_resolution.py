import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.money import FREE, Nano
from imagewright.core.resolution import Resolution
from imagewright.core.revocation import Warrant

WARRANT = Warrant(by="root", reason="asked them", at=7)


@pytest.mark.parametrize(
    ("amount", "outcome", "word"),
    [(None, "charged", "charged"), (Nano(5), "charged", "charged"), (FREE, "not_charged", "not")],
)
def test_it_says_whether_it_was_charged(amount: Nano | None, outcome: str, word: str) -> None:
    found = Resolution(job="job_1", amount=amount, warrant=WARRANT)
    assert found.outcome == outcome
    assert word in found.sentence


@pytest.mark.parametrize("signed", ["", "a\nb", "x" * 501])
def test_a_name_is_one_line(signed: str) -> None:
    with pytest.raises(InvalidRequest, match="name of who does it"):
        Resolution(job="job_1", amount=None, warrant=WARRANT, signed=signed)
