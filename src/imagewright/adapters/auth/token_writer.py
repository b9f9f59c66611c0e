"""Adds a token to tokens.toml and leaves every other byte of it alone."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import tomli_w

from imagewright.adapters.auth.token_reader import read_tokens
from imagewright.adapters.toml.document import OPEN_TO_READ, parse_document, read_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What is written of a token: never itself, only the SHA-256 in hexadecimal.

    `scopes` and `cidrs` None do not narrow; `expires` is the last day, in UTC.
    """

    id: str
    sha256: str
    subject: str
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None
    expires: date | None = None
    cidrs: tuple[str, ...] | None = None
    note: str = ""

    def block(self) -> str:
        """The entry in TOML."""
        entry: dict[str, object] = {"sha256": self.sha256, "subject": self.subject}
        entry |= {"groups": list(self.groups)} if self.groups else {}
        entry |= {"scopes": list(self.scopes)} if self.scopes is not None else {}
        entry |= {"expires": self.expires} if self.expires is not None else {}
        entry |= {"cidrs": list(self.cidrs)} if self.cidrs is not None else {}
        entry |= {"note": self.note} if self.note else {}
        return tomli_w.dumps({"tokens": {self.id: entry}})


def add(path: Path, token: NewToken) -> None:
    """Append the entry, atomically; a new file is 0600, an old one keeps its owner and mode.

    Raises Misconfigured if the file as it stands, or with the entry in it, is not good:
    it is then left as it was. Raises OSError if the directory cannot be written.
    """
    target = path.resolve()
    with _alone(target.parent):
        old, owner = _existing(target)
        gap = b"" if not old else b"\n" if old.endswith(b"\n") else b"\n\n"
        new = old + gap + token.block().encode()
        read_tokens(parse_document(target, new), None)
        _replace(target, new, owner)


def _existing(path: Path) -> tuple[bytes, os.stat_result | None]:
    if not path.exists():
        return b"", None
    data, _ = read_bytes(path, OPEN_TO_READ)
    return data, path.stat()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(path: Path, data: bytes, owner: os.stat_result | None) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            if owner is not None:
                os.fchown(handle, owner.st_uid, owner.st_gid)
                os.fchmod(handle, owner.st_mode & 0o640)
            file.write(data)
            file.flush()
            os.fsync(handle)
        beside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
