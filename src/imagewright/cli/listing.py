"""Lists: as columns for people, or as JSON or CSV for programs."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter

from imagewright.cli.columns import columns

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="As JSON.")]
Write = Callable[[Mapping[str, object]], None]
"""Prints a row."""


def show_json(name: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print the rows as one JSON object that has them by this name."""
    print(json.dumps({name: rows}, indent=2))


def show_columns(names: Sequence[str], rows: Sequence[Mapping[str, object]], none: str) -> None:
    """Print these columns of the rows; where there are none, the words for it on standard error."""
    if rows:
        print(columns(names, rows), end="")
    else:
        print(none, file=sys.stderr)


@contextmanager
def stream_json(name: str) -> Iterator[Write]:
    """As `show_json`, row by row, a line each."""
    between = ""

    def write(row: Mapping[str, object]) -> None:
        nonlocal between
        print(f"{between}\n    {json.dumps(row)}", end="")
        between = ","

    print(f'{{\n  "{name}": [', end="")
    yield write
    print(("\n  " if between else "") + "]\n}")


def stream_csv(names: Sequence[str]) -> Write:
    """Print the names of the columns, and return what prints a row under them."""
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()

    def write(row: Mapping[str, object]) -> None:
        writer.writerow(row)

    return write
