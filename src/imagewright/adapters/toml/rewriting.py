"""Replaces an operator's file as a whole: by one program at a time, and never by half."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagewright.adapters.toml.document import MAX_BYTES, read_bytes
from imagewright.core.flaw import Flaw, Misconfigured

_GROUP_READS = 0o050

Change = Callable[[bytes], bytes]
"""The new contents for the old, which are empty where there is no file yet."""


def rewrite(path: Path, refused: int, change: Change) -> None:
    """Change a file atomically; a new one is 0600, an old one keeps its owner and mode.

    A new one that root makes belongs to its directory's owner, who is to read it, or to its group
    in a directory of root's that is open to that group alone. A link stays one, and its file is
    changed. Raises Misconfigured for a file that `read_bytes` refuses, or that grew too large;
    OSError if its directory cannot be written; and what `change` raises. The file is then as it
    was.
    """
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _refusal(path, f"The file cannot be opened: {error.strerror}.") from None
    target = path.resolve()
    with alone_in(target.parent):
        old, owner = _existing(path, refused)
        new = change(old)
        if len(new) > MAX_BYTES:
            raise _refusal(path, "The file would become larger than 1 MiB.")
        if new != old or owner is None:
            _replace(target, new, owner)


def _existing(path: Path, refused: int) -> tuple[bytes, os.stat_result | None]:
    if not path.exists():
        return b"", None
    # By its own name, so that a link to somebody else's file is seen as one.
    data, _ = read_bytes(path, refused)
    return data, path.stat()


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Wait for whoever writes in the directory by this too, and keep others out meanwhile."""
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
                _hand_over(handle, path, owner)
            else:
                give_to_reader(handle, path.parent)
            file.write(data)
            file.flush()
            os.fsync(handle)
        beside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise


def give_to_reader(handle: int, directory: Path) -> None:
    """Let a new file of root's be read by whom its directory is for; others' files stay theirs."""
    if os.geteuid() == 0:
        above = directory.stat()
        os.fchown(handle, above.st_uid, above.st_gid)
        os.fchmod(handle, 0o640 if for_group(above) else 0o600)


def for_group(directory: os.stat_result) -> bool:
    """Whether root keeps the directory for a group that is to read, and for nobody else."""
    mode = directory.st_mode & 0o077
    return directory.st_uid == 0 and directory.st_gid != 0 and mode == _GROUP_READS


def _hand_over(handle: int, path: Path, owner: os.stat_result) -> None:
    try:
        os.fchown(handle, owner.st_uid, owner.st_gid)
    except PermissionError:
        raise _refusal(
            path, "Its owner and group cannot be kept.", "Do it as root or as its owner."
        ) from None
    os.fchmod(handle, owner.st_mode & 0o640)


def _refusal(path: Path, sentence: str, hint: str = "") -> Misconfigured:
    return Misconfigured([Flaw(place=str(path), key="", sentence=sentence, hint=hint)])
