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
    CONVERSATION = "cnv"
    GROUP = "grp"
    NOTICE = "ntc"


RandomBytes = Callable[[int], bytes]

_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567"
_LAST = b"aeimquy4"
# Both alphabets divide 256, so that every letter is as likely as another.
_OF_BYTE = _LETTERS * 8
_LAST_OF_BYTE = _LAST * 32


@cache
def pattern(kind: Kind) -> re.Pattern[str]:
    """What an id of that kind looks like; the last of 26 letters carries three bits."""
    return re.compile(rf"{kind.value}_[a-z2-7]{{25}}[aeimquy4]\Z")


def new_id(kind: Kind, random: RandomBytes) -> str:
    """A new id, such as `img_` and 26 letters of lower-case base32."""
    # A byte a letter: every request gets an id, and this way costs a tenth of base64.b32encode's.
    drawn = random(26)
    letters = drawn[:25].translate(_OF_BYTE) + drawn[25:].translate(_LAST_OF_BYTE)
    return f"{kind.value}_{letters.decode()}"


def is_id(kind: Kind, text: str) -> bool:
    """Whether the text is an id of that kind and nothing more."""
    return pattern(kind).match(text) is not None
