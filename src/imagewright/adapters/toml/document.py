"""One TOML file: safe to trust, small enough, and able to say where a key stands."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from imagewright.core.flaw import Flaw, Misconfigured

MAX_BYTES = 1024 * 1024
OPEN_TO_CHANGE = 0o002
"""Refuses a file that everybody may write."""
OPEN_TO_READ = 0o037
"""Refuses a file that holds secrets and is wider than 0640."""
NOT_PRIVATE = 0o077
"""Refuses a file that anybody but its owner may open."""

KeyPath = tuple[str, ...]
"""A key's path, such as `("subjects", "user:a", "budget")`."""

_AT = re.compile(r"\(at line (\d+), column \d+\)")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_SYNTAX = {
    "Cannot overwrite": "The same key is set twice.",
    "Cannot declare": "The same table is declared twice.",
    "Cannot mutate": "The table was closed where it was written in braces.",
    "Cannot redefine": "The same table is declared twice.",
    "Duplicate inline": "The same key is set twice in one pair of braces.",
    "Unterminated": "A quotation mark is not closed.",
    "Unclosed": "A bracket or brace is not closed.",
    "Expected '='": "A key is not followed by =.",
    "Invalid statement": "A line begins with what is no key.",
    "Invalid value": "A value cannot be read; texts stand in double quotes.",
}
_WHOLE = "Write another file, and rename it to this one."
_SYNTAX_HINT = "Names that hold : or @ or * stand in double quotes, and so do all texts."


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file is written, replaced or opened to others."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, seen: os.stat_result) -> "Stamp":
        return cls(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


@dataclass(frozen=True)
class Document:
    """A file's table, and its text to find lines in."""

    path: Path
    table: Mapping[str, object]
    text: str = field(repr=False)

    def place(self, key: KeyPath) -> str:
        """`file:line` of the key, or of the closest thing around it that has a line."""
        while key:
            if key in self._lines:
                return f"{self.path}:{self._lines[key]}"
            key = key[:-1]
        return str(self.path)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return _key_lines(self.text)


def key_name(key: KeyPath) -> str:
    """A path as TOML writes it: `subjects."user:a".budget`."""
    return ".".join(part if _BARE.match(part) else f'"{_printable(part)}"' for part in key)


def read_bytes(path: Path, refused: int) -> tuple[bytes, Stamp]:
    """A regular file of at most 1 MiB that has none of the `refused` mode bits.

    Refuses a link that leads to a file of neither this user nor root. Raises Misconfigured.
    """
    try:
        # Not blocking: a named pipe in the file's place must not hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise _refusal(path, f"The file cannot be opened: {reason}.") from None
    try:
        seen = os.fstat(handle)
        _check(path, seen, refused)
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
        after = os.fstat(handle)
    except OSError as error:
        raise _refusal(path, f"The file cannot be read: {error.strerror}.") from None
    finally:
        os.close(handle)
    if len(data) > MAX_BYTES:
        raise _refusal(path, "The file is larger than 1 MiB.")
    if (after.st_size, after.st_mtime_ns) != (seen.st_size, seen.st_mtime_ns):
        raise _refusal(path, "The file was written to while it was read.", _WHOLE)
    return data, Stamp.of(seen)


def read_document(path: Path, refused: int) -> tuple[Document, Stamp]:
    """The file's TOML; a byte order mark is passed over. Raises Misconfigured."""
    data, stamp = read_bytes(path, refused)
    return parse_document(path, data), stamp


def parse_document(path: Path, data: bytes) -> Document:
    """TOML bytes that are to stand at `path`. Raises Misconfigured without quoting them."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal(path, "The file is not UTF-8.", line=line) from None
    try:
        return Document(path, tomllib.loads(text), text)
    except RecursionError:
        raise _refusal(path, "The file nests brackets too deeply.") from None
    except ValueError as error:
        raise _syntax(path, str(error), text) from None


def _check(path: Path, seen: os.stat_result, refused: int) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise _refusal(path, "This is not a regular file.")
    if path.is_symlink() and seen.st_uid not in {0, os.geteuid()}:
        raise _refusal(path, "The link leads to another user's file.", "Copy the file here.")
    if seen.st_mode & refused & 0o002:
        raise _refusal(path, "Everybody may write this file.", f"Do: chmod o-w {path}")
    if seen.st_mode & refused:
        allowed = "0600" if refused == NOT_PRIVATE else "0640"
        mode = f"{stat.S_IMODE(seen.st_mode):04o}"
        raise _refusal(
            path,
            f"The file holds secrets and its mode {mode} opens it to others.",
            f"Do: chmod {allowed} {path}",
        )


def _refusal(path: Path, sentence: str, hint: str = "", line: int = 0) -> Misconfigured:
    place = f"{path}:{line}" if line else str(path)
    return Misconfigured([Flaw(place=place, key="", sentence=sentence, hint=hint)])


def _syntax(path: Path, message: str, text: str) -> Misconfigured:
    # The parser's own words may quote a key, and a key may be a token.
    sentence = next((ours for theirs, ours in _SYNTAX.items() if message.startswith(theirs)), "")
    found = _AT.search(message)
    line = int(found[1]) if found else 0
    if message.endswith("(at end of document)"):
        line = text.rstrip("\n").count("\n") + 1
    hint = _SYNTAX_HINT if message.startswith(("Expected", "Invalid")) else ""
    return _refusal(path, sentence or "This is not TOML.", hint, line)


def _key_lines(text: str) -> dict[KeyPath, int]:
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if words.startswith("[") and (header := key_path(words)):
            table = header
            lines.setdefault(table, number)
        elif "=" in words and not words.startswith("#") and (key := _assigned(words)):
            for end in range(1, len(key) + 1):
                lines.setdefault((*table, *key[:end]), number)
    return lines


def _assigned(line: str) -> KeyPath:
    cut = -1
    for _ in range(_EQUAL_SIGNS):
        cut = line.find("=", cut + 1)
        if cut < 0:
            break
        if key := key_path(f"{line[:cut]} = 0"):
            return key
    return ()


_EQUAL_SIGNS = 4
"""How many = a quoted key may hold before its line is not looked for any more."""


def key_path(statement: str) -> KeyPath:
    """The path that one header, or one key with a plain value, speaks of; empty for neither."""
    try:
        inner: object = tomllib.loads(statement)
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(inner, dict | list) and inner:
        if isinstance(inner, dict):
            name, inner = next(iter(inner.items()))
            path.append(name)
        else:
            inner = inner[0]
    return tuple(path)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:200])
