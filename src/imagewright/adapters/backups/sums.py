"""`SHA256SUMS`: what each file of a backup was, in the form that `sha256sum --check` reads.

Source: GNU coreutils manual, "md5sum invocation": hash, two spaces, name. No file of ours has a
name with a backslash or a line's end, which that form would write otherwise.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imagewright.core.errors import Unavailable

NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_CHUNK = 1 << 20


def sums(directory: Path, known: Mapping[str, str]) -> dict[str, str]:
    """The hash of every file below, by its name from there; those that are known are not read.

    Raises OSError.
    """
    found = {}
    for name in _files(directory):
        if name != NAME:
            found[name] = known.get(name) or digest(directory / name)
    return found


def written(found: Mapping[str, str]) -> bytes:
    """As the file has them."""
    return "".join(f"{found[name]}  {name}\n" for name in sorted(found)).encode()


def proven(directory: Path) -> dict[str, str]:
    """The hash of every file, each read and found to be what the backup says of it.

    Raises Unavailable for a file that is another, missing or not named, OSError.
    """
    told = {}
    for line in (directory / NAME).read_text("utf-8").splitlines():
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise _broken(NAME)
        told[parts[2]] = parts[1]
    found = sums(directory, {})
    for name in sorted(told.keys() | found.keys()):
        if told.get(name) != found.get(name):
            raise _broken(name)
    return found


def digest(file: Path) -> str:
    """Of a file's bytes; no link is followed. Raises OSError."""
    made = hashlib.sha256()
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as opened:
        while chunk := opened.read(_CHUNK):
            made.update(chunk)
    return made.hexdigest()


def _files(directory: Path) -> Iterator[str]:
    for parent, directories, files in os.walk(directory):
        below = Path(parent)
        for name in (*files, *(each for each in directories if (below / each).is_symlink())):
            yield str((below / name).relative_to(directory))


def _broken(name: str) -> Unavailable:
    return Unavailable(
        f"The backup is not whole: {name} is not what it was.", hint="Take another backup."
    )
