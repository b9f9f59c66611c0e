"""Where each statement of a TOML text stands, so that one is changed and every other byte kept."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import tomli_w

from imagewright.adapters.toml.document import KeyPath, key_path

_BASIC = r'"(?:[^"\\\n]|\\.)*+"'
_LITERAL = r"'[^'\n]*+'"
_MANY = r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}' + "|" + r"'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
_TOKEN = re.compile(
    rf"(?P<text>{_MANY}|{_BASIC}|{_LITERAL})|(?P<comment>#[^\n]*)|(?P<line>\n)"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<other>[^\"'#\n\[\]{}]+)",
    re.DOTALL,
)
_KEY = re.compile(rf"(?:{_BASIC}|{_LITERAL}|[A-Za-z0-9_.\- \t])+(?==)")
_BLANK = re.compile(r"[\ufeff \t\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A header or a key with its value, from `start` to `end`; a comment behind it is outside.

    `own` is its key below its table, empty for the table's header. `line` begins its first
    line, and `after` is behind the break of its last.
    """

    table: KeyPath
    own: KeyPath
    line: int
    start: int
    end: int
    after: int

    @property
    def path(self) -> KeyPath:
        """What it sets, or the table that it begins."""
        return (*self.table, *self.own)


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters from `start` to `end`, and what stands there instead."""

    start: int
    end: int
    text: str


def statements(text: str) -> Iterator[Statement]:
    """Every statement of a text that is TOML, in order."""
    at, table = _blank(text, 0), KeyPath()
    while at < len(text):
        end = _end(text, at)
        after = text.find("\n", end) + 1 or len(text)
        words = text[at:end].rstrip()
        if words:
            header = words.startswith("[")
            table = key_path(words) if header else table
            yield Statement(
                table=table,
                own=() if header else _key(words),
                line=text.rfind("\n", 0, at) + 1,
                start=at,
                end=at + len(words),
                after=after,
            )
        at = _blank(text, after)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made; they do not overlap."""
    parts, at = list[str](), 0
    for edit in sorted(edits, key=lambda each: each.start):
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def line_break(text: str) -> str:
    """How the lines of a text end."""
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def assignment(key: str, value: object) -> str:
    """A key and its value on one line."""
    return f"{_written({key: 0}).removesuffix('0')}{value_text(value)}"


def value_text(value: object) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(assignment(key, each) for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return _written({"x": value}).removeprefix("x = ")


def _written(table: dict[str, object]) -> str:
    return tomli_w.dumps(table).rstrip("\n")


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _end(text: str, at: int) -> int:
    """Where a statement ends: at a comment or a line's end outside its brackets and texts."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if depth == 0 and token.lastgroup in {"comment", "line"}:
            return token.start()
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
    return len(text)


def _key(words: str) -> KeyPath:
    found = _KEY.match(words)
    return key_path(f"{found[0]}= 0") if found else ()
