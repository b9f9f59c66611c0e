"""wrk, Debian's load generator: one that is written in Python would take the second core."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.exchange import Request

_SCRIPT = Path(__file__).with_name("wrk.lua")
_RUNS = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How hard to drive; with `tokens` a thread for each of them, of `connections` in all."""

    connections: int
    seconds: float
    tokens: Sequence[str] = ()


def need() -> None:
    """Install wrk if it is missing and we may; leave with a message if it cannot be had."""
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=False, stdout=sys.stderr)
    if not shutil.which("wrk"):
        sys.exit("bench: WRK IS MISSING, nothing was measured. Install it: apt-get install wrk")


def drive(port: int, request: Request, load: Load) -> float:
    """Answers a second. Raises RuntimeError where one was no answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body:
        body.write(request.body)
        body.flush()
        environ = {
            **os.environ,
            "BENCH_BODY": body.name,
            "BENCH_HEADERS": "\n".join(f"{name} {text}" for name, text in request.headers.items()),
            "BENCH_RUN": str(next(_RUNS)),
            "BENCH_TOKENS": " ".join(load.tokens),
        }
        command = (
            f"wrk -t{len(load.tokens) or 1} -c{load.connections} -d{load.seconds:g}s"
            f" --timeout 60s -s {_SCRIPT} http://127.0.0.1:{port}/mcp"
        )
        done = subprocess.run(
            command.split(), env=environ, capture_output=True, text=True, check=False
        )
    last = done.stdout.rpartition("DONE ")[2].split()
    if done.returncode or len(last) != 3:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    requests, micro, errors = (int(word) for word in last)
    if errors or not requests:
        raise RuntimeError(f"{errors} of {requests} requests failed: {done.stdout}")
    return requests / micro * 1_000_000
