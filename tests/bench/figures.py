"""What a bench prints: one JSON line for each figure, and whether it meets its target."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value; `ratio` is to a baseline of the same run, where there is one."""

    name: str
    value: float
    baseline: float | None = None
    ratio: float | None = None
    target: str
    met: bool


def ratio(name: str, pairs: Sequence[tuple[float, float]], target: str, bound: float) -> Figure:
    """Ours and the baseline's value of each round; the ratio is the median of the rounds' own.

    `target` begins with the side on which `bound` is good: `at least` or `at most`.
    """
    found = statistics.median(ours / base for ours, base in pairs)
    return Figure(
        name=name,
        value=round(statistics.median(ours for ours, _ in pairs), 3),
        baseline=round(statistics.median(base for _, base in pairs), 3),
        ratio=round(found, 3),
        target=target,
        met=found >= bound if target.startswith("at least") else found <= bound,
    )


def finish(figures: Sequence[Figure]) -> None:
    """Leave with 1 if one missed its target and the caller is strict, else with 0."""
    missed = not all(figure.met for figure in figures)
    sys.exit(1 if missed and "--strict" in sys.argv else 0)


def show(figure: Figure) -> Figure:
    """Print it."""
    print(json.dumps(asdict(figure)), flush=True)
    return figure
