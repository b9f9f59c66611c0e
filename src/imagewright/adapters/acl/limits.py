"""The limits of an entry on what its subjects do."""

from collections.abc import Callable
from typing import TypeVar

from imagewright.adapters.toml.document import KeyPath
from imagewright.adapters.toml.findings import Findings, Table
from imagewright.core.errors import InvalidRequest
from imagewright.core.limit import (
    Limits,
    parse_bandwidth,
    parse_daily,
    parse_rate,
    parse_storage,
)

Read = TypeVar("Read")


def read_limits(found: Findings, path: KeyPath, table: Table) -> Limits:
    """What the entry's keys say; each that says nothing that is known has a fault."""

    def read(key: str, parse: Callable[[str], Read], example: str) -> Read | None:
        if key not in table:
            return None
        text = found.text((*path, key), table[key], f"Write it like {example}.")
        return None if text is None else found.parsed((*path, key), parse, text)

    return Limits(
        rate=read("rate", parse_rate, '"30/minute"'),
        images=read("images", parse_daily, '"200/day"'),
        jobs=found.parsed((*path, "jobs"), _jobs, table["jobs"]) if "jobs" in table else None,
        storage=read("storage", parse_storage, '"2GiB"'),
        bandwidth=read("bandwidth", parse_bandwidth, '"5GiB/day"'),
    )


def _jobs(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise InvalidRequest("This must be a whole number of 1 or more.", hint="Write: jobs = 2")
