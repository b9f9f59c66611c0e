"""What a model reads of the tools, and what a huge rendition costs.

python -m tests.bench.bench_surface [--strict]
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, finish, show
from tests.bench.servers import OWNER, READER, Ours, Server, ours

KB = 1000
SEEN = ("name", "description", "inputSchema")
HUGE = 100_000
ASKED = 20
MILLISECONDS = 50.0
GROWTH = 2_000_000


def tools(service: Server, who: str, most: int) -> Figure:
    """Names, descriptions and input schemas, as compact JSON."""
    exchange = service.exchange(who)
    listed = exchange.ask(exchange.modern("tools/list"))["result"]["tools"]
    seen = [{key: tool[key] for key in SEEN if key in tool} for tool in listed]
    text = json.dumps(seen, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    kind = "full access" if who == OWNER else "read-only"
    return Figure(
        name=f"{len(listed)} tools as a model sees them, {kind}, bytes",
        value=size,
        target=f"at most {most * KB}",
        met=size <= most * KB,
    )


def rendition(service: Server) -> Figure:
    """The slowest of several refusals, in milliseconds; met only if memory stays flat too."""
    exchange = service.exchange()
    made = exchange.call("generate_image", prompt="a small boat", size="256x256")
    uri = made["structuredContent"]["images"][0]["uri"]
    asking = exchange.modern("resources/read", uri=f"{uri}/view?width={HUGE}&height={HUGE}")
    exchange.ask(asking)
    before, took = service.memory(), []
    for _ in range(ASKED):
        began = time.perf_counter()
        answer = exchange.ask(asking)
        took.append((time.perf_counter() - began) * 1000)
        if "error" not in answer:
            raise RuntimeError("a huge rendition was not refused")
    grown = service.memory() - before
    return Figure(
        name=f"refusing a rendition of {HUGE} x {HUGE}, ms (memory grew by {grown // KB} kB)",
        value=round(max(took), 2),
        baseline=round(statistics.median(took), 2),
        target=f"less than {MILLISECONDS:g}, memory flat",
        met=max(took) < MILLISECONDS and grown < GROWTH,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        prepared = Ours.prepare(Path(directory) / "state")
        with ours(prepared) as service:
            figures = [tools(service, OWNER, 12), tools(service, READER, 4), rendition(service)]
    finish([show(figure) for figure in figures])


if __name__ == "__main__":
    main()
