"""One process owns a store: its lock lasts as long as the process does."""

import errno
import fcntl
import os
import time

from imagewright.adapters.blobs.directory import Directory
from imagewright.core.errors import Unavailable

_NAME = "lock"
_PAUSE = 0.05


def take(directory: Directory, patience: float) -> int:
    """The descriptor that holds the lock until it is closed.

    Waits up to `patience` seconds, so that a service that is being replaced can finish.
    Raises Unavailable if another process still has it, OSError.
    """
    descriptor = directory.open(_NAME, os.O_RDWR | os.O_CREAT)
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES} and time.monotonic() < end:
                time.sleep(_PAUSE)
                continue
            os.close(descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise Unavailable(
                    "Another process uses this state directory.",
                    hint="Stop it first; two services never share one state directory.",
                ) from None
            raise
        return descriptor
