"""One sentence a line, links that lead somewhere, and no page that nobody finds."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, codes, links, prose, tables

_END_AND_START = re.compile(r"[.!?][”\")]*\s+[A-Z“\"(x]")
_HOST = re.compile(r"https?://")
_PICTURES = 60_000
_LINES, _COLUMNS = 60, 100


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_line_holds_two_sentences(page: Path) -> None:
    # In the README a paragraph is a line of its own too, so the rule is the same.
    found = [
        f"{name(page)}:{number}" for number, line in prose(page) if _END_AND_START.search(line)
    ]
    assert not found, f"two sentences in a line: {', '.join(found)}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_what_is_there(page: Path) -> None:
    for number, target in links(page):
        if _HOST.match(target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)}:{number}: {target} is not there"
        if anchor:
            assert anchor in anchors(file), f"{name(page)}:{number}: no heading makes #{anchor}"


def test_every_page_is_linked_from_the_index() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / target.partition("#")[0]).resolve() for _, target in links(index)}
    missing = set(DOCS.rglob("*.md")) - linked - {index}
    assert not missing, f"docs/index.md does not link: {sorted(map(name, missing))}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_has_one_title_and_something_to_say(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert any(True for _ in prose(page))


def test_the_readme_is_one_screen() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert sum(max(1, -(-len(line) // _COLUMNS)) for line in lines) <= _LINES


def test_pictures_are_small() -> None:
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size <= _PICTURES, name(picture)


def test_every_event_that_is_explained_is_logged() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    for row in tables(DOCS / "how-to/watch-it.md", "Logs"):
        (event,) = codes(row["Event"])
        words = event.removesuffix("…").rstrip()
        level = row["Level"]
        call = rf'_log\.(?:{level}|exception)\(\s*"{re.escape(words)}'
        assert re.search(call, source), f"nothing logs {event!r} as {level}"
