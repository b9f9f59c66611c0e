"""The chain of seals over the audit: each covers lines and the seal before it.

A seal names its lines one by one, not up to a number: where several transactions write at once,
a line can appear after one with a higher number was sealed. The numbers that are not there yet
are the seal's holes; what appears in one later is covered by a later seal.
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from imagewright.core.audit import Entry, written
from imagewright.core.ranges import Ranges

MOST = 1000
"""How many lines one seal covers at most."""
_HORIZON = 3_600_000_000
"""How long a hole stays open: an hour, where a transaction may take seconds."""
_WIDE = 10_000
"""A hole this wide was made by no transaction that failed, so it is never closed."""
_SHOWN = 16
START = "0" * 64
"""What stands for the seal before the first."""


@dataclass(frozen=True, slots=True)
class ChainKey:
    """The secret that seals are made with; its id tells one from another and nothing else."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Eight letters, safe to show."""
        return hmac.digest(self.secret, b"key id", "sha256").hex()[:8]

    def leaf(self, entry: Entry) -> str:
        """What stands for a line in its seal: whoever lacks the key cannot guess the line by it."""
        return hmac.digest(self.secret, b"line\n" + entry.canonical(), "sha256").hex()

    def mac(self, seal: "Seal", leaves: Sequence[str]) -> str:
        """What closes a seal over its lines."""
        head = {
            "number": seal.number,
            "previous": seal.previous,
            "at": seal.at,
            "ids": seal.ids,
            "last": seal.last,
            "holes": seal.holes,
            "key": seal.key,
        }
        text = b"\n".join((b"seal", written(head), *(leaf.encode() for leaf in leaves)))
        return hmac.digest(self.secret, text, "sha256").hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One link of the chain, as it is stored.

    `ids` are its lines, `last` the highest sealed yet, `holes` what was not there below it, each
    as first, last and since when. `previous` is the `mac` of the seal before.
    """

    number: int
    at: int
    ids: str
    last: int
    holes: str
    key: str
    previous: str
    mac: str = ""

    @property
    def head(self) -> str:
        """What is kept elsewhere to tell a chain that was cut off: number and begin of the mac."""
        return f"{self.number}:{self.mac[:_SHOWN]}"

    def covered(self) -> Ranges:
        """The lines' numbers. Raises ValueError where the seal was changed."""
        return Ranges.read(self.ids)

    def open_holes(self) -> Ranges:
        """The numbers that may still appear. Raises ValueError where the seal was changed."""
        return Ranges.joined((first, last) for first, last, _ in _holes(self.holes))


def unsealed(last: Seal | None, highest: int) -> Ranges:
    """The numbers that the next seal may cover."""
    after = Ranges.joined([(last.last + 1 if last else 1, highest)])
    return after.plus(last.open_holes()) if last else after


def next_seal(last: Seal | None, entries: Sequence[Entry], now: int, key: ChainKey) -> Seal:
    """The seal over these lines, which are not sealed yet and in order of their numbers."""
    ids = Ranges.of(entry.id for entry in entries)
    before = last.last if last else 0
    reached = max(before, entries[-1].id)
    holes = [(first, end, now) for first, end in _gaps(before, reached, ids)]
    for first, end, since in _holes(last.holes) if last else ():
        if now - since <= _HORIZON or end - first >= _WIDE:
            rest = Ranges(((first, end),)).minus(ids)
            holes += [(low, high, since) for low, high in rest.spans]
    seal = Seal(
        number=last.number + 1 if last else 1,
        at=now,
        ids=str(ids),
        last=reached,
        holes=json.dumps(sorted(holes), separators=(",", ":")),
        key=key.id,
        previous=last.mac if last else START,
    )
    return _closed(seal, entries, key)


def flaw(last: Seal | None, seal: Seal, entries: Sequence[Entry], key: ChainKey) -> str | None:
    """What is wrong with a seal, given the one before and the lines that are there; or None."""
    expected = last.number + 1 if last else 1
    if seal.number != expected:
        return f"Seal {expected} was removed."
    if seal.key != key.id:
        return f"It was sealed with another key: {seal.key}, not {key.id}."
    if (gone := _gone(seal, entries)) is None:
        return "The seal was changed."
    if gone.spans:
        return f"Lines were removed: {gone}."
    if seal.previous != (last.mac if last else START):
        return "The seal before it was changed."
    good = hmac.compare_digest(_closed(seal, entries, key).mac.encode(), seal.mac.encode())
    return None if good else "A line was changed, or the seal."


def _gone(seal: Seal, entries: Sequence[Entry]) -> Ranges | None:
    """The lines of a seal that are not there; None where it names none that make sense."""
    try:
        covered = seal.covered()
    except ValueError:
        return None
    return covered.minus(Ranges.of(entry.id for entry in entries)) if len(covered) <= MOST else None


def _closed(seal: Seal, entries: Sequence[Entry], key: ChainKey) -> Seal:
    return replace(seal, mac=key.mac(seal, [key.leaf(entry) for entry in entries]))


def _gaps(before: int, reached: int, ids: Ranges) -> tuple[tuple[int, int], ...]:
    return Ranges(((before + 1, reached),)).minus(ids).spans if reached > before else ()


def _holes(text: str) -> list[tuple[int, int, int]]:
    try:
        return [(int(first), int(last), int(since)) for first, last, since in json.loads(text)]
    except TypeError as error:
        raise ValueError("these are no holes") from error
