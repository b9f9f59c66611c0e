"""The documentation as tests read it: headings, tables, fenced examples and prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = DOCS / "how-to/add-a-provider.md"
"""The files of this page make a package; `test_packages` builds and uses it."""
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(r"```(\w*)\s*\Z")
_HEADING = re.compile(r"(#{1,6}) (.+)\Z")
_CODE = re.compile(r"`([^`]+)`")
_ITEM = re.compile(r"(?:\d+\.|-|>) ")
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced example and the line it begins in."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands, for the name of a test."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str:
        """The file that its first line names, as in `# acl.toml`."""
        return self.text.partition("\n")[0].removeprefix("# ")


Table = list[dict[str, str]]


@cache
def _split(page: Path) -> tuple[tuple[tuple[int, str], ...], tuple[Fence, ...]]:
    """The lines outside fences, with their numbers, and the fences."""
    outside: list[tuple[int, str]] = []
    fences: list[Fence] = []
    inside: list[str] | None = None
    begun, language = 0, ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.match(line.strip())
        if inside is not None and fence:
            fences.append(Fence(page, begun, language, "\n".join(inside) + "\n"))
            inside = None
        elif inside is not None:
            inside.append(line)
        elif fence:
            inside, begun, language = [], number, fence[1]
        else:
            outside.append((number, line))
    assert inside is None, f"{page}:{begun}: the fence is not closed"
    return tuple(outside), tuple(fences)


def fences(language: str) -> list[Fence]:
    """Every example in a language."""
    return [each for page in PAGES for each in _split(page)[1] if each.language == language]


def languages() -> set[str]:
    """Every language that an example is said to be in."""
    return {each.language for page in PAGES for each in _split(page)[1]}


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Lines that hold sentences: no heading, no table, no example; code and targets left out."""
    for number, line in _split(page)[0]:
        if line.strip() and not line.startswith(("#", "|")):
            words = _ITEM.sub("", line.strip(), count=1)
            yield number, _CODE.sub("x", _LINK.sub(r"\1", words)).strip()


def headings(page: Path) -> list[str]:
    """The words of every heading, in order."""
    return [found[2] for _, line in _split(page)[0] if (found := _HEADING.match(line))]


def named(page: Path) -> list[str]:
    """What the headings name that consist of one piece of code."""
    return [found[1] for each in headings(page) if (found := _CODE.fullmatch(each))]


def tables(page: Path, heading: str | None = None) -> Table:
    """The rows of all tables, or of those directly under a heading, each by its column's title."""
    rows: Table = []
    current, columns = "", list[str]()
    for _, line in _split(page)[0]:
        if found := _HEADING.match(line):
            current = found[2]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = _cells(line)
        elif not line.startswith("|--") and heading in {None, current}:
            rows.append(dict(zip(columns, _cells(line), strict=True)))
    return rows


def codes(cell: str) -> list[str]:
    """Every piece of code in a cell."""
    return _CODE.findall(cell)


def links(page: Path) -> Iterator[tuple[int, str]]:
    """The target of every link, with its line."""
    for number, line in _split(page)[0]:
        for _, target in _LINK.findall(line):
            yield number, target


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of the headings."""
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings(page)}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]
