"""Lists: as columns for people, or as JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

from cyclopts import Parameter

from imagewright.cli.columns import columns

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="As JSON.")]


def show_json(name: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print the rows as one JSON object that has them by this name."""
    print(json.dumps({name: rows}, indent=2))


def show_columns(names: Sequence[str], rows: Sequence[Mapping[str, object]], none: str) -> None:
    """Print these columns of the rows; where there are none, the words for it on standard error."""
    if rows:
        print(columns(names, rows), end="")
    else:
        print(none, file=sys.stderr)
