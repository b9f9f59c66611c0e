"""One open directory: every operation names an entry in it and follows no link."""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import Self

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a planted FIFO must not hang its reader.
_OPEN_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What opening a link, a file as a directory, or a socket answers.
_OTHER_KIND = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EMLINK})
# macOS: fsync stops at the drive's cache there.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync(descriptor: int) -> None:
    """Make what was written durable. Raises OSError."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(descriptor, _FULL_SYNC)
    else:
        os.fsync(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte at the descriptor's position. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class OtherKindError(FileNotFoundError):
    """Something has the name, but a link or not of the kind that was asked for."""


class Directory:
    """A directory held by its descriptor; names are single components.

    A name with a separator, and `.` and `..`, raise OSError as a missing entry does, so no
    operation reaches outside, whatever its caller checked before.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def at(cls, path: str) -> Self:
        """Open a path that the operator chose; its own links are followed. Raises OSError."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.descriptor)

    def status(self) -> os.stat_result:
        """What the system knows of the directory itself."""
        return os.fstat(self.descriptor)

    def space(self) -> tuple[int, int | None]:
        """Free bytes and free inodes for us; None where the file system does not count inodes."""
        found = os.fstatvfs(self.descriptor)
        return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None

    def child(self, name: str) -> "Directory":
        """An existing directory. Raises FileNotFoundError for anything else, OSError."""
        return Directory(self._existing(name, _OPEN_DIRECTORY))

    def make(self, name: str) -> "Directory":
        """A directory that is created, durably, if it is missing. Raises OSError."""
        try:
            os.mkdir(_single(name), DIRECTORY_MODE, dir_fd=self.descriptor)
        except FileExistsError:
            return self.child(name)
        self.sync()
        return self.child(name)

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a file with these flags, no link followed. Raises OSError."""
        return os.open(
            _single(name),
            flags | os.O_NOFOLLOW | os.O_CLOEXEC,
            FILE_MODE,
            dir_fd=self.descriptor,
        )

    def read(self, name: str) -> bytes:
        """A regular file's bytes. Raises OSError, FileNotFoundError for anything else."""
        descriptor = self._existing(name, _OPEN_READ)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OtherKindError(errno.ENOENT, "not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)

    def write(self, name: str, data: bytes, *, durable: bool) -> None:
        """A new file; nothing is left of one that failed. Raises OSError."""
        descriptor = os.open(_single(name), _OPEN_NEW, FILE_MODE, dir_fd=self.descriptor)
        try:
            try:
                write_all(descriptor, data)
                if durable:
                    sync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            self.remove(name)
            raise

    def link(self, source: "Directory", old: str, new: str) -> None:
        """Give a file of `source` a second name here. Raises FileExistsError, OSError."""
        os.link(
            _single(old),
            _single(new),
            src_dir_fd=source.descriptor,
            dst_dir_fd=self.descriptor,
            follow_symlinks=False,
        )

    def replace(self, source: "Directory", old: str, new: str) -> None:
        """Move a file of `source` here over whatever file or link has the name. Raises OSError."""
        os.replace(
            _single(old),
            _single(new),
            src_dir_fd=source.descriptor,
            dst_dir_fd=self.descriptor,
        )

    def remove(self, name: str) -> bool:
        """Remove a file or a link; False if there was none. Raises OSError."""
        try:
            os.unlink(_single(name), dir_fd=self.descriptor)
        except FileNotFoundError:
            return False
        return True

    def look(self, name: str) -> os.stat_result | None:
        """What the system knows of the entry itself, or None if there is none. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            return os.lstat(_single(name), dir_fd=self.descriptor)
        return None

    def entries(self) -> Iterator[tuple[str, bool]]:
        """Names, sorted, of files (False) and directories (True), and of nothing else."""
        with os.scandir(self.descriptor) as found:
            listed = sorted(found, key=lambda entry: entry.name)
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                yield entry.name, True
            elif entry.is_file(follow_symlinks=False):
                yield entry.name, False

    def _existing(self, name: str, flags: int) -> int:
        try:
            return os.open(_single(name), flags, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in _OTHER_KIND:
                raise OtherKindError(errno.ENOENT, "not of the kind that is asked for") from None
            raise

    def sync(self) -> None:
        """Make the names in it durable. Raises OSError."""
        sync(self.descriptor)


def _single(name: str) -> str:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise FileNotFoundError(errno.ENOENT, "not the name of an entry")
    return name
