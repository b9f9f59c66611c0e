"""Identifiers: a kind's three letters, an underscore and 128 random bits."""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache


class Kind(StrEnum):
    """What an id names."""

    IMAGE = "img"
    JOB = "job"
    QUOTE = "quo"
    INCIDENT = "inc"
    REQUEST = "req"


RandomBytes = Callable[[int], bytes]

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)
_SHIFTS = tuple(range(120, -1, -10))


@cache
def pattern(kind: Kind) -> re.Pattern[str]:
    """What an id of that kind looks like; the last of 26 letters carries three bits."""
    return re.compile(rf"{kind.value}_[a-z2-7]{{25}}[aeimquy4]\Z")


def new_id(kind: Kind, random: RandomBytes) -> str:
    """A new id, such as `img_` and 26 letters of lower-case base32."""
    # The 128 bits and two that are zero make 13 pairs of letters: as base64.b32encode does it, at
    # a third of its time, for every request gets one.
    number = int.from_bytes(random(16), "big") << 2
    letters = "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
    return f"{kind.value}_{letters}"


def is_id(kind: Kind, text: str) -> bool:
    """Whether the text is an id of that kind and nothing more."""
    return pattern(kind).match(text) is not None
