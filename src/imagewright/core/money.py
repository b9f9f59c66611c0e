"""Money as whole nano-dollars; never a float."""

import re
from typing import NewType

from imagewright.core.errors import InvalidRequest

Nano = NewType("Nano", int)
"""A billionth of a US dollar."""

DOLLAR = 1_000_000_000
FREE = Nano(0)

_WRITTEN = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,9}))?\Z")


def parse_usd(text: str) -> Nano:
    """Read a decimal string of US dollars such as `0.10`, at most nine places.

    Raises InvalidRequest for a sign, an exponent, a currency or anything else.
    """
    found = _WRITTEN.match(text)
    if found is None:
        raise InvalidRequest(
            "The amount is not a decimal number of US dollars.", hint='Write it like "2.50".'
        )
    return Nano(int(found[1]) * DOLLAR + int((found[2] or "").ljust(9, "0")))


def usd(amount: Nano) -> str:
    """Write an amount exactly, with at least two places: `0.0132`, `2.00`, `-0.50`."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), DOLLAR)
    places = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{places}"
