"""Makes a manual page of a page of docs/reference: `manual.py NAME SECTION TITLE PAGE`.

The pages are held against the code by the tests, so the manual says what `--help` says.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]+\)")
_CODE = re.compile(r"`([^`]+)`")


def page(name: str, section: str, title: str, text: str) -> Iterator[str]:
    """The lines of a page in roff (man(7)) for Markdown as the reference is written."""
    yield f'.TH {name.upper()} {section} "" "Imagewright" "{title}"'
    yield ".SH NAME"
    yield f"{_plain(name)} \\- {_plain(title)}"
    yield ".SH DESCRIPTION"
    lines = text.splitlines()
    fenced, columns = False, list[str]()
    for line in lines[1:]:
        if line.startswith("```"):
            yield ".fi" if fenced else ".PP\n.nf"
            fenced = not fenced
        elif fenced:
            yield _plain(line)
        elif line.startswith("|"):
            if not columns:
                columns = _cells(line)
            elif not line.startswith("|--"):
                yield from _row(columns, _cells(line))
        else:
            columns = []
            yield from _prose(line)


def _prose(line: str) -> Iterator[str]:
    if line.startswith("## "):
        yield f".SH {_styled(line[3:])}"
    elif line.startswith("#"):
        yield f".SS {_styled(line.lstrip('# '))}"
    elif found := re.match(r"(?:\d+\.|-) (.*)", line):
        yield f".IP \\(bu 2\n{_styled(found[1])}"
    elif line:
        yield _styled(line)
    else:
        yield ".PP"


def _row(columns: Iterable[str], cells: list[str]) -> Iterator[str]:
    """The first cell as a term; those between it and the last under their titles."""
    yield f".TP\n{_styled(cells[0])}"
    between = list(zip(columns, cells, strict=True))[1:-1]
    if between:
        yield "; ".join(f"{_plain(title)}: {_styled(cell)}" for title, cell in between)
        yield ".br"
    yield _styled(cells[-1]) if len(cells) > 1 else ""


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def _styled(text: str) -> str:
    return _CODE.sub(r"\\fB\1\\fR", _plain(_LINK.sub(r"\1", text)))


def _plain(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("“", "\\(lq").replace("”", "\\(rq")
    text = text.replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def main() -> None:
    """Print the page."""
    name, section, title, source = sys.argv[1:]
    for line in page(name, section, title, Path(source).read_text("utf-8")):
        print(line)


if __name__ == "__main__":
    main()
