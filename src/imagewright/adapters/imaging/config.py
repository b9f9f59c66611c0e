"""What an operator chooses about imaging."""

import os
from dataclasses import dataclass, field


def _processors() -> int:
    return min(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingConfig:
    """Workers at most, and what each may use.

    `deadline` is in seconds and covers one call, waiting for a worker apart, which may take as
    long again. `memory` is in bytes, for a picture being worked on. `edge` is the longest side, in
    pixels, of what is made here. A worker that rested for `idle` seconds ends, but the last one.
    `life` is in seconds of processor time; a worker that used half of it is replaced.
    """

    workers: int = field(default_factory=_processors)
    deadline: float = 30.0
    memory: int = 1 << 30
    edge: int = 4096
    idle: float = 60.0
    life: int = 1200
