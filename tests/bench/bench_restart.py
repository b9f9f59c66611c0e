"""The gap of a restart: seconds from the stop signal to the next program's first answer.

Drain plus start, on a service where nothing runs; a running job is awaited for up to
`server.drain` more. Requests in the gap are refused by the kernel.

python -m tests.bench.bench_restart [--strict]
"""

import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, finish, show
from tests.bench.servers import Ours, ours

ROUNDS = 5
MOST = 10.0


def main() -> None:
    gaps: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        prepared = Ours.prepare(Path(directory) / "state")
        for _ in range(ROUNDS):
            with ours(prepared):
                began = time.perf_counter()
            drained = time.perf_counter() - began  # leaving told it to stop, and waited for it
            with ours(prepared) as next_one:
                gaps.append(drained + next_one.first)
    found = round(median(gaps), 2)
    name = "gap of a restart where nothing runs, seconds"
    figure = Figure(name=name, value=found, target=f"at most {MOST}", met=found <= MOST)
    finish([show(figure)])


if __name__ == "__main__":
    main()
