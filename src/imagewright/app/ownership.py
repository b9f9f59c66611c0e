"""Root's commands touch the state as its owner: nothing in it becomes root's or is read as root.

Whoever took over the service could put links there, which root would follow to anywhere.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner(directory: Path) -> Iterator[None]:
    """Act as the owner of a directory, where root runs this and it is another's.

    The whole process does, every thread of it, so only commands use this. Where there is no
    directory yet, root remains root.
    """
    owner = _other_owner(directory)
    if owner is None:
        yield
        return
    user, group, groups = *owner, os.getgroups()
    os.setgroups([])
    os.setegid(group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(os.getgid())
        os.setgroups(groups)


def become_owner(directory: Path) -> None:
    """As `as_owner`, for good: there is no way back to root."""
    owner = _other_owner(directory)
    if owner is not None:
        user, group = owner
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)


def _other_owner(directory: Path) -> tuple[int, int] | None:
    """User and group, or None where nothing is to change."""
    if os.geteuid() != 0:
        return None
    try:
        seen = directory.stat()
    except OSError:
        return None
    return (seen.st_uid, seen.st_gid) if seen.st_uid else None
