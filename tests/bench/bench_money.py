"""Admissions a second beside the least a durable transaction can cost, in the same run.

An admission finds the same ask, uses up a consent, counts capacity, holds four levels' day and
month, and writes job, ledger and audit. The least is one UPDATE of one row, as durable.

python -m tests.bench.bench_money [--strict]
"""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.adapters.sql.postgres import Postgres
from tests.bench.admissions import bare, bare_postgres, measure
from tests.bench.figures import Figure, finish, ratio, show

ROUNDS = 3
TARGET = 0.12


def figure(name: str, admit: Callable[[], float], least: Callable[[], float]) -> Figure:
    """Rounds of both in turn, so that whatever else the machine does meets both."""
    pairs = [(admit(), least()) for _ in range(ROUNDS)]
    return ratio(name, pairs, f"at least {TARGET} of a bare transaction", TARGET)


def on_sqlite(place: Path) -> Figure:
    files = iter(range(2 * ROUNDS))

    def admit() -> float:
        return asyncio.run(measure(f"sqlite:///{place.resolve()}/books{next(files)}.db"))

    return figure(
        "admissions a second on SQLite", admit, lambda: bare(place / f"bare{next(files)}.db")
    )


def on_postgres(server: Postgres) -> Figure:
    def admit() -> float:
        with server.database() as url:
            return asyncio.run(measure(url))

    def least() -> float:
        with server.database(empty=True) as url:
            return bare_postgres(url)

    return figure("admissions a second on PostgreSQL", admit, least)


def main() -> None:
    # Not in /tmp, which may be memory: what is measured is a disk.
    with tempfile.TemporaryDirectory(dir=".") as directory:
        figures = [show(on_sqlite(Path(directory)))]
    with Postgres.running(durable=True) as server:
        figures.append(show(on_postgres(server)))
    finish(figures)


if __name__ == "__main__":
    main()
