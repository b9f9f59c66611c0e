"""A vendor's bill, and how far it is from what the ledger has."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from imagewright.core.errors import InvalidRequest
from imagewright.core.money import Nano, parse_usd, usd

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: what was billed for a model on a day, or (None) for all models together.

    `number` is where it begins in the file. A negative amount is a credit. `request` is what the
    vendor calls the call.
    """

    number: int
    day: date
    amount: Nano
    model: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a bill may be from the ledger: an amount, or a share of what was billed."""

    amount: Nano = Nano(0)
    share: Decimal | None = None

    @classmethod
    def read(cls, text: str) -> "Tolerance":
        """From `0.05`, in US dollars, or `2%`. Raises InvalidRequest."""
        found = _PERCENT.match(text)
        if found is not None:
            return cls(share=Decimal(found[1]) / 100)
        try:
            return cls(amount=parse_usd(text))
        except InvalidRequest as fault:
            raise InvalidRequest(
                "The tolerance is neither an amount nor a share.",
                hint='Write it like "0.05", in US dollars, or "2%".',
            ) from fault

    def takes(self, drift: Nano, billed: Nano) -> bool:
        """Whether a drift is within it."""
        most = self.amount if self.share is None else self.share * abs(billed)
        return abs(drift) <= most


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a bill says of a model on a day, and what the ledger says; money is nano-dollars.

    `spent` is settled and adjusted. `held` may explain what is missing: jobs that still run, and
    those of unknown outcome. `model` is None where the bill names none.
    """

    day: date
    model: str | None
    billed: Nano
    spent: Nano = Nano(0)
    held: Nano = Nano(0)

    @property
    def drift(self) -> Nano:
        """By how much the bill is higher."""
        return Nano(self.billed - self.spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A comparison of a provider's bill with the ledger, from the first day to the last.

    `at` is UTC microseconds, money nano-dollars.
    """

    provider: str
    at: int
    first: date
    last: date
    billed: Nano
    spent: Nano
    held: Nano

    @property
    def drift(self) -> Nano:
        """By how much the bill is higher."""
        return Nano(self.billed - self.spent)

    def __str__(self) -> str:
        """As it is told to people."""
        return f"{usd(self.billed)} billed, {usd(self.spent)} spent, drift {usd(self.drift)}"


def shares(amount: Nano, weights: tuple[int, ...]) -> tuple[Nano, ...]:
    """An amount divided in proportion to weights, to the last nano-dollar; evenly if all are 0.

    The amount is not negative, no weight is, and there is at least one.
    """
    whole = sum(weights)
    if not whole:
        weights, whole = (1,) * len(weights), len(weights)
    given, reached = [], 0
    for so_far in _sums(weights):
        given.append(Nano(amount * so_far // whole - reached))
        reached = amount * so_far // whole
    return tuple(given)


def _sums(weights: tuple[int, ...]) -> list[int]:
    found, so_far = [], 0
    for weight in weights:
        so_far += weight
        found.append(so_far)
    return found
