"""Space that is taken from the disk at start, so that a full disk still has room for us."""

import os
import threading

from imagewright.adapters.blobs.directory import Directory, sync, write_all

_BALLAST = "ballast"
_CHUNK = 1 << 20


def allocate(directory: Directory, name: str, size: int, head: bytes = b"") -> None:
    """A file of exactly `size` bytes, whole or not there at all. Raises OSError.

    Its blocks are written, never sparse, and hold noise, so that no file system that
    compresses keeps less than was asked for.
    """
    fresh = f"{name}.new"
    directory.remove(fresh)
    descriptor = directory.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:
            noise = memoryview(os.urandom(_CHUNK))
            write_all(descriptor, head)
            for start in range(len(head), size, _CHUNK):
                write_all(descriptor, noise[: min(_CHUNK, size - start)])
            sync(descriptor)
        finally:
            os.close(descriptor)
        directory.replace(directory, fresh, name)
        directory.sync()
    except OSError:
        directory.remove(fresh)
        raise


class Ballast:
    """A file that is dropped when the disk is full, so that the books can still settle."""

    def __init__(self, directory: Directory, size: int) -> None:
        self._directory = directory
        self._size = size
        self._lock = threading.Lock()
        found = directory.look(_BALLAST)
        self.aboard = found is not None and found.st_size == size

    def drop(self) -> None:
        """Give its bytes back to the disk. Raises OSError."""
        with self._lock:
            self.aboard = False
            self._directory.remove(_BALLAST)
            self._directory.sync()

    def load(self) -> None:
        """Take its bytes again. Raises OSError, and then nothing is taken."""
        with self._lock:
            if not self.aboard:
                allocate(self._directory, _BALLAST, self._size)
                self.aboard = True
