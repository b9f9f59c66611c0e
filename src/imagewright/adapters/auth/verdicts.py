"""What was said of opaque tokens, kept for seconds."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from imagewright.core.caller import Caller
from imagewright.core.errors import Fault

GOOD = 30.0
"""Seconds that an issuer's yes is kept at most: a revoked token dies within them."""
BAD = 3.0
"""Seconds that a no is kept."""
_KNOWN = 900.0
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who a token is, or why it is nobody; until a moment of the monotonic clock."""

    outcome: Caller | Fault
    until: float


class Verdicts:
    """Bounded, by the token's hash, yes and no apart: rubbish pushes out rubbish."""

    def __init__(self) -> None:
        self._good: OrderedDict[bytes, Verdict] = OrderedDict()
        self._bad: OrderedDict[bytes, Verdict] = OrderedDict()

    def find(self, token: bytes, now: float) -> Verdict | None:
        """What is still good to know of it."""
        found = self._good.get(token) or self._bad.get(token)
        return found if found is not None and now < found.until else None

    def is_known(self, token: bytes, now: float) -> bool:
        """Whether it was good lately, so that asking again is nobody's attack."""
        found = self._good.get(token)
        return found is not None and now < found.until + _KNOWN

    def put(self, token: bytes, outcome: Caller | Fault, until: float) -> None:
        """Keep it; the oldest of its kind goes."""
        good = isinstance(outcome, Caller)
        kept, other = (self._good, self._bad) if good else (self._bad, self._good)
        other.pop(token, None)
        kept[token] = Verdict(outcome, until)
        kept.move_to_end(token)
        while len(kept) > _MOST:
            kept.popitem(last=False)


class Allowance:
    """So many in a second, and a burst: a bucket that fills by the monotonic clock."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether there is one left; then it is taken."""
        passed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._left = min(self._burst, self._left + passed * self._rate)
        if self._left < 1:
            return False
        self._left -= 1
        return True


def token_hash(token: str) -> bytes:
    """What a token is kept by."""
    return hashlib.sha256(token.encode()).digest()
