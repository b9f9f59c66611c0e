"""server_info with token, ACL, log and metrics beside the bare server: calls a second.

python -m tests.bench.bench_calls [--strict]
"""

import tempfile
from pathlib import Path

from tests.bench import wrk
from tests.bench.exchange import Request
from tests.bench.figures import Figure, finish, ratio, show
from tests.bench.servers import Ours, Server, bare, ours

ROUNDS = 5
SECONDS = 2.0


def request(server: Server, era: str) -> Request:
    exchange = server.exchange()
    ask = exchange.modern if era == "modern" else exchange.legacy
    made = ask("tools/call", name="server_info", arguments={})
    answer = exchange.ask(made)
    if answer["result"].get("isError"):
        raise RuntimeError(f"server_info answered {answer}")
    return made


def measure(era: str, connections: int, servers: tuple[Server, Server]) -> Figure:
    """Ours and the baseline in turn, the one that begins changing each round."""
    load = wrk.Load(connections=connections, seconds=SECONDS)
    requests = [request(server, era) for server in servers]
    pairs = []
    for turn in range(ROUNDS + 1):
        found = [0.0, 0.0]
        for place in (0, 1) if turn % 2 else (1, 0):
            found[place] = wrk.drive(servers[place].port, requests[place], load)
        pairs.append((found[0], found[1]))
    name = f"server_info {era}, {connections} connections, calls a second"
    # The first round warms both.
    return ratio(name, pairs[1:], "at least 0.8 of the bare server", 0.8)


def main() -> None:
    wrk.need()
    with tempfile.TemporaryDirectory() as directory:
        prepared = Ours.prepare(Path(directory) / "state")
        with ours(prepared) as service, bare() as baseline:
            figures = [
                show(measure(era, connections, (service, baseline)))
                for era in ("modern", "legacy")
                for connections in (1, 16)
            ]
    finish(figures)


if __name__ == "__main__":
    main()
