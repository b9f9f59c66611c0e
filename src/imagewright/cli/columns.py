"""Rows of plain values as columns, as wide as they need to be and safe to show."""

from collections.abc import Mapping, Sequence

_NONE = "-"


def columns(names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """A heading and a line for each row; what is not printable is shown as a question mark."""
    table = [[name.replace("_", " ").upper() for name in names]]
    table += [[_shown(row[name]) for name in names] for row in rows]
    widths = [max(len(line[at]) for line in table) for at in range(len(names))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in table
    )


def _shown(value: object) -> str:
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else "?" for char in text) or _NONE
