"""Sets of whole numbers that mostly follow each other, kept as their spans."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""What a database's own numbers reach."""
_SPAN = re.compile(r"(-?\d{1,19})(?:-(-?\d{1,19}))?\Z", re.ASCII)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Spans from first to last, both in it, ascending, none touching the next."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Ranges":
        """These numbers."""
        return cls.joined((number, number) for number in numbers)

    @classmethod
    def joined(cls, spans: Iterable[Span]) -> "Ranges":
        """Every number that is in one of the spans; an empty span adds none."""
        found: list[Span] = []
        for first, last in sorted(spans):
            if found and first <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(found[-1][1], last))
            elif first <= last:
                found.append((first, last))
        return cls(tuple(found))

    @classmethod
    def read(cls, text: str) -> "Ranges":
        """What `str` wrote. Raises ValueError for anything else."""
        spans = []
        for part in text.split(",") if text else ():
            found = _SPAN.match(part)
            if found is None:
                raise ValueError("these are no ranges")
            spans.append((int(found[1]), int(found[2] or found[1])))
        ranges = cls.joined(spans)
        if str(ranges) != text:
            raise ValueError("these ranges are not in order")
        return ranges

    def __str__(self) -> str:
        return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in self.spans)

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.spans)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.spans)

    def numbers(self) -> Iterator[int]:
        """Each number; ask `len` first."""
        for first, last in self.spans:
            yield from range(first, last + 1)

    def plus(self, other: "Ranges") -> "Ranges":
        """The numbers of either."""
        return Ranges.joined((*self.spans, *other.spans))

    def minus(self, other: "Ranges") -> "Ranges":
        """The numbers that the other has not."""
        left: list[Span] = []
        for first, last in self.spans:
            begin = first
            for taken, until in other.spans:
                if until < begin or taken > last:
                    continue
                left.append((begin, taken - 1))
                begin = until + 1
            left.append((begin, last))
        return Ranges.joined(span for span in left if span[0] <= span[1])
