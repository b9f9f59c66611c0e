"""The state directory itself: whose it is, and whether it can be worked in."""

import contextlib
import errno
import os
import secrets
import sys
from pathlib import Path

from imagewright.adapters.blobs.directory import DIRECTORY_MODE, Directory
from imagewright.core.errors import StorageFull, Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_OTHERS_WRITE = 0o022


def open_root(path: Path) -> Directory:
    """The state directory, made if it is missing. Raises Unavailable, OSError."""
    if sys.getfilesystemencoding().lower() != "utf-8":
        raise Unavailable("File names are not UTF-8 here.", hint="Set PYTHONUTF8=1.")
    with contextlib.suppress(FileExistsError):
        os.makedirs(path, DIRECTORY_MODE)
    return _owned(Directory.at(str(path)), path)


def open_room(root: Directory, name: str) -> Directory:
    """A directory of ours in the root, made if it is missing. Raises Unavailable, OSError."""
    return _owned(root.make(name), Path(name))


def prove_links(staging: Directory) -> None:
    """Raise Unavailable unless a file can have two names, which is how nothing is overwritten.

    Raises OSError for other failures than a full disk.
    """
    first, second = secrets.token_hex(16), secrets.token_hex(16)
    try:
        staging.write(first, b"", durable=False)
        staging.link(staging, first, second)
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise Unavailable(
                "The state directory's file system has no hard links.",
                hint="Use a file system of this machine, such as ext4 or XFS.",
            ) from error
        if error.errno not in FULL:
            raise
    finally:
        staging.remove(first)
        staging.remove(second)


def unusable(path: Path, error: OSError) -> Unavailable | StorageFull:
    """What to tell the operator whose state directory failed at start."""
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    if error.errno in FULL:
        return StorageFull(
            f"The state directory {path} has no room for the space that is set aside.",
            hint="Free space on its disk, or make the spool and the ballast smaller.",
        )
    return Unavailable(
        f"The state directory {path} cannot be used: {reason}.",
        hint="The service's user must own it and be able to write it.",
    )


def _owned(directory: Directory, path: Path) -> Directory:
    found = directory.status()
    fault = ""
    if found.st_uid != os.geteuid():
        fault = f"The state directory {path} belongs to another user."
    elif found.st_mode & _OTHERS_WRITE:
        fault = f"The state directory {path} can be written by other users."
    if fault:
        directory.close()
        raise Unavailable(fault, hint="The service's user must own it, with mode 0700.")
    return directory
