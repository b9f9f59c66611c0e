"""A correction of what a job has cost, once its vendor's bill is known."""

from dataclasses import dataclass

from imagewright.core.errors import InvalidRequest
from imagewright.core.money import DOLLAR, Nano
from imagewright.core.revocation import Warrant

_MOST = 1_000_000 * DOLLAR
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What is added to a settled job's cost, or, below nothing, given back; in nano-dollars.

    `reference` names what says so, such as a line of a bill: a job is adjusted once by each.
    Raises InvalidRequest for an amount of nothing or of more than a million dollars, and for a
    reference that is not one line of 1 to 200 characters.
    """

    job: str
    amount: Nano
    reference: str
    warrant: Warrant

    def __post_init__(self) -> None:
        if not 0 < abs(self.amount) <= _MOST:
            raise InvalidRequest("The amount is nothing, or more than a million dollars.")
        text = self.reference
        if not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise InvalidRequest(f"The reference is not one line of 1 to {_LONGEST} characters.")
