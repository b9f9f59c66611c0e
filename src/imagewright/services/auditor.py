"""The auditor: reads the audit, and proves that nobody changed it."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, fields

from imagewright.core.audit import Entry
from imagewright.core.chain import MOST, ChainKey, Seal, flaw
from imagewright.core.errors import InvalidRequest
from imagewright.core.ranges import HIGHEST, LOWEST, Ranges
from imagewright.ports.audit import Audit

_AT_ONCE = 200
_BACK = 1000
_SHORTEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A head that was kept elsewhere: the seal's number and the begin of its mac."""

    number: int
    mac: str

    @classmethod
    def read(cls, text: str) -> "Head":
        """From the text of a log line. Raises InvalidRequest."""
        number, _, mac = text.strip().partition(":")
        good = number.isascii() and number.isdecimal() and len(number) < len(str(HIGHEST))
        if not good or len(mac) < _SHORTEST or not set(mac) <= set("0123456789abcdef"):
            raise InvalidRequest(
                "The head is not of the form number:letters.",
                hint='Give `head` of a log line "audit sealed", such as 17:0123456789abcdef.',
            )
        return cls(number=int(number), mac=mac)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first place where the chain does not hold: a seal, its lines, and what is wrong."""

    seal: int
    ids: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What verifying came to: how many seals and lines hold, how many lines wait for a seal."""

    seals: int
    lines: int
    waiting: int
    head: str
    broken: Broken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which lines to export: of a subject, and from `since` to before `until`, microseconds."""

    subject: str | None = None
    since: int | None = None
    until: int | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether a line is among them."""
        return (
            self.subject in {None, entry.subject}
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
        )


class Auditor:
    """Only reads, so it may work beside a running service."""

    def __init__(self, audit: Audit, key: ChainKey) -> None:
        self._audit = audit
        self._key = key

    async def verify(self, head: Head | None = None) -> Finding:
        """Make every seal again and compare; say what the first difference is."""
        last: Seal | None = None
        spans: list[tuple[int, int]] = []
        async for seal, entries in self._sealed():
            wrong = flaw(last, seal, entries, self._key) or _other(head, seal)
            if wrong is not None:
                broken = Broken(seal=seal.number, ids=seal.ids, sentence=wrong)
                return _finding(last, spans, broken=broken)
            spans = list(Ranges.joined((*spans, *seal.covered().spans)).spans)
            last = seal
        if head is not None and head.number > (last.number if last else 0):
            sentence = f"The chain was cut off: there is no seal {head.number}."
            return _finding(last, spans, broken=Broken(seal=head.number, ids="", sentence=sentence))
        return await self._rest(last, Ranges(tuple(spans)))

    async def export(self, choice: Choice) -> AsyncIterator[dict[str, object]]:
        """Lines with their seals, as JSON objects, in the order of the seals.

        `entry` is a line, `leaf` stands for one that was not chosen but is under the same seal,
        `seal` closes those before it. What is not sealed yet comes last.
        """
        last: Seal | None = None
        async for seal, entries in self._sealed():
            last = seal
            if any(map(choice.takes, entries)):
                for entry in entries:
                    yield self._shown(entry, choice)
                yield {"seal": _public(seal)}
        async for entry in self._unsealed(last):
            if choice.takes(entry):
                yield {"entry": entry.public()}

    async def newest(self, limit: int, subject: str | None = None) -> tuple[Entry, ...]:
        """The newest lines, in order."""
        return await self._audit.newest(limit, subject)

    async def seen(self) -> Ranges:
        """The numbers that `later` leaves out: of all lines that are there now."""
        newest = await self._audit.newest(_BACK)
        below = [(1, newest[0].id - 1)] if len(newest) == _BACK else []
        return Ranges.of(entry.id for entry in newest).plus(Ranges.joined(below))

    async def later(self, seen: Ranges) -> tuple[Entry, ...]:
        """Lines that are not among `seen`, even those that appear a little out of order."""
        return await self._audit.entries(Ranges(((1, HIGHEST),)).minus(seen), _AT_ONCE)

    async def _sealed(self) -> AsyncIterator[tuple[Seal, tuple[Entry, ...]]]:
        """Every seal with the lines that it names and that are there."""
        after = 0
        while found := await self._audit.seals(after, _AT_ONCE):
            for seal in found:
                yield seal, await self._audit.entries(_named(seal), MOST + 1)
            after = found[-1].number

    async def _unsealed(self, last: Seal | None) -> AsyncIterator[Entry]:
        begin = last.last + 1 if last else 1
        while found := await self._audit.entries(Ranges(((begin, HIGHEST),)), _AT_ONCE):
            for entry in found:
                yield entry
            begin = found[-1].id + 1

    async def _rest(self, last: Seal | None, covered: Ranges) -> Finding:
        """Look for lines that no seal covers: those that wait, and those that never will be."""
        reached = last.last if last else 0
        holes = last.open_holes() if last else Ranges()
        never = Ranges(((LOWEST, reached),)).minus(covered).minus(holes)
        broken = None
        if added := await self._audit.entries(never, 1):
            number = str(added[0].id)
            broken = Broken(seal=0, ids=number, sentence=f"Line {number} was added.")
        waiting = await self._audit.count(Ranges(((reached + 1, HIGHEST),)).plus(holes))
        return _finding(last, covered.spans, waiting=waiting, broken=broken)

    def _shown(self, entry: Entry, choice: Choice) -> dict[str, object]:
        if choice.takes(entry):
            return {"entry": entry.public()}
        return {"leaf": {"id": entry.id, "mac": self._key.leaf(entry)}}


def _named(seal: Seal) -> Ranges:
    try:
        return seal.covered()
    except ValueError:
        return Ranges()


def _other(head: Head | None, seal: Seal) -> str | None:
    if head is None or head.number != seal.number or seal.mac.startswith(head.mac):
        return None
    return "It is not the seal whose head was kept."


def _finding(
    last: Seal | None,
    spans: Iterable[tuple[int, int]],
    *,
    waiting: int = 0,
    broken: Broken | None = None,
) -> Finding:
    return Finding(
        seals=last.number if last else 0,
        lines=len(Ranges(tuple(spans))),
        waiting=waiting,
        head=last.head if last else "",
        broken=broken,
    )


def _public(seal: Seal) -> dict[str, object]:
    return {each.name: getattr(seal, each.name) for each in fields(seal)}
