"""A master key in a file that only the service may read, and keys derived from it."""

import hmac
import os
import secrets
import stat
from pathlib import Path

from imagewright.core.errors import Unavailable

_BYTES = 32
_MODE = 0o600


class KeyFile:
    """A random master key, and one of its own for each purpose: none can stand for another.

    The file is made where there is none, unless `make` is False. Raises Unavailable for one that
    others can read, that is a link, or that is no key.
    """

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self._master = _load(path, make=make)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for a purpose, the same on every start."""
        return hmac.digest(self._master, purpose.encode(), "sha256")


def _load(path: Path, *, make: bool) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if make and isinstance(error, FileNotFoundError):
            return _make(path)
        raise Unavailable(f"The key {path} cannot be opened: {error.strerror}.") from error
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise Unavailable(f"Others can read {path}.", hint=f"chmod 600 {path}")
        key = os.read(handle, _BYTES + 1) if stat.S_ISREG(mode) else b""
    finally:
        os.close(handle)
    if len(key) != _BYTES:
        raise Unavailable(
            f"{path} is not a key of {_BYTES} bytes.", hint="Restore it or remove it."
        )
    return key


def _make(path: Path) -> bytes:
    key = secrets.token_bytes(_BYTES)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        return _load(path, make=False)
    finally:
        partial.unlink()
    return key
