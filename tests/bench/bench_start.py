"""The start and what it takes: seconds to the first answer, and memory at rest.

The service starts on a state directory that an earlier start made, as on every day but the first.

python -m tests.bench.bench_start [--strict]
"""

import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, finish, ratio, show
from tests.bench.servers import Ours, Server, bare, ours

ROUNDS = 5
REST = 1.0
MB = 1_000_000
MOST = 80


def at_rest(server: Server) -> float:
    """Its memory in MB a moment after its first answer; imaging's worker is there by then."""
    time.sleep(REST)
    return server.memory() / MB


def main() -> None:
    firsts: list[tuple[float, float]] = []
    weights: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        prepared = Ours.prepare(Path(directory) / "state")
        for _ in range(ROUNDS + 1):
            with ours(prepared) as service:
                heavy = at_rest(service)
            with bare() as baseline:
                light = at_rest(baseline)
            firsts.append((service.first, baseline.first))
            weights.append((heavy, light))
    name = "first answer after the start, seconds"
    first = show(ratio(name, firsts[1:], "at most 1.7 times the bare server's", 1.7))
    finish([first, show(memory(weights[1:]))])


def memory(weights: list[tuple[float, float]]) -> Figure:
    above = statistics.median(heavy - light for heavy, light in weights)
    base = statistics.median(light for _, light in weights)
    return Figure(
        name="memory at rest above the bare server's, MB (PSS of all processes)",
        value=round(above, 1),
        baseline=round(base, 1),
        ratio=round((above + base) / base, 3),
        target=f"at most {MOST}",
        met=above <= MOST,
    )


if __name__ == "__main__":
    main()
