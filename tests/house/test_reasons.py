"""A silenced rule, type error or test has its reason beside it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import locks

SILENCED = re.compile(r"#\s*(?:noqa|type: ignore|ruff:|mypy:|pragma: no cover)(?P<rest>.*)")
WITH_REASON = re.compile(r"(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[a-z, -]+\])\s+(?:#|-)\s+\w+")


def unreasoned(source: str) -> list[str]:
    """Lines that silence something without codes, or without a reason after them."""
    return [
        line.strip()
        for line in source.splitlines()
        if (found := SILENCED.search(line)) and not WITH_REASON.match(found["rest"])
    ]


def modules() -> Iterator[Path]:
    for root in ("src", "tests"):
        yield from (locks.TOP / root).rglob("*.py")


def test_whatever_is_silenced_has_its_reason() -> None:
    here = Path(__file__).name
    found = {path.name: unreasoned(path.read_text("utf-8")) for path in modules()}
    assert {name: lines for name, lines in found.items() if lines and name != here} == {}


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: S101",
        "x = f()  # type: ignore",
        "x = f()  # type: ignore[arg-type]",
        "# ruff: noqa",
    ],
)
def test_silence_without_a_reason_is_found(line: str) -> None:
    assert unreasoned(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa: S101, PLR2004 - the vendor's own number",
        "x = f()  # type: ignore[arg-type, misc]  # the stub is wrong",
        "x = 1  # a number",
    ],
)
def test_silence_with_a_reason_is_allowed(line: str) -> None:
    assert unreasoned(line) == []
