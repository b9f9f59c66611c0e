"""Originals of a state directory, taken out beside the service that writes them."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from imagewright.adapters.blobs.directory import Directory
from imagewright.adapters.blobs.place import IMAGES, Place
from imagewright.adapters.blobs.spool import Spool
from imagewright.core.errors import NotFound, Unavailable
from imagewright.core.filename import subject_directory

_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES})


class Fault(StrEnum):
    """What is wrong with an original that a row names."""

    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An original as its row tells of it; `path` is relative to its subject's directory."""

    id: str
    subject: str
    path: str
    sha256: str
    bytes: int

    @property
    def name(self) -> str:
        """Where it stands below `subjects`."""
        return f"{subject_directory(self.subject)}/{self.path}"


class Originals:
    """Reads a state directory and writes `subjects` of another; both stay the caller's.

    Originals are never changed, so a link to one is a copy where both are on one file system.
    Where they are not, a link to what `earlier` has is, if that holds the same bytes: another
    `subjects` beside the one that is written.
    """

    def __init__(
        self, state: Directory, subjects: Directory, earlier: Directory | None = None
    ) -> None:
        self._state = state
        self._subjects = subjects
        self._earlier = earlier

    def take(self, wanted: Wanted) -> Fault | None:
        """Link or copy an original and its sidecar, the bytes read and held against the row.

        Nothing is left of one that is not as the row says. Raises OSError.
        """
        try:
            place = Place.parse(wanted.path)
        except NotFound:
            return Fault.MISSING
        owner = subject_directory(wanted.subject)
        with _folder(self._subjects, owner, place, create=True) as target:
            # The shelf again behind the spool: what waits there may move meanwhile.
            took = any(
                take(owner, place, target)
                for take in (self._from_shelf, self._from_spool, self._from_shelf)
            )
            if not took:
                return Fault.MISSING
            if hashlib.sha256(target.read(place.original)).hexdigest() == wanted.sha256:
                target.sync()
                return None
            _leave(target, place)
            return Fault.DAMAGED

    def drop(self, wanted: Wanted) -> None:
        """Take one out again. Raises OSError."""
        place = Place.parse(wanted.path)
        owner = subject_directory(wanted.subject)
        with _folder(self._subjects, owner, place, create=True) as target:
            _leave(target, place)

    def _from_shelf(self, owner: str, place: Place, target: Directory) -> bool:
        try:
            with (
                self._state.child("subjects") as subjects,
                _folder(subjects, owner, place, create=False) as source,
            ):
                with self._twin(owner, place) as twin:
                    _bring(source, target, place.original, twin)
                with suppress(FileNotFoundError):
                    _bring(source, target, place.sidecar)
        except FileNotFoundError:
            _leave(target, place)
            return False
        return True

    @contextmanager
    def _twin(self, owner: str, place: Place) -> Iterator[Directory | None]:
        """The folder in which `earlier` may have it, if there is one."""
        with ExitStack() as stack:
            folder = None
            if self._earlier is not None:
                with suppress(OSError):
                    folder = stack.enter_context(_folder(self._earlier, owner, place, create=False))
            yield folder

    def _from_spool(self, owner: str, place: Place, target: Directory) -> bool:
        """One that waits for room; the file is read as it is now, whatever its owner does."""
        try:
            with self._state.child("reserve") as reserve, ExitStack() as held:
                descriptor = reserve.open("spool", os.O_RDONLY)
                held.callback(os.close, descriptor)
                record = Spool(descriptor).read(owner, place.path)
        except (FileNotFoundError, Unavailable):
            return False
        if record is None:
            return False
        original, note = record
        target.write(place.original, original, durable=True)
        target.write(place.sidecar, note, durable=True)
        return True


def _bring(source: Directory, target: Directory, name: str, twin: Directory | None = None) -> None:
    if not _linked(source, target, name):
        data = source.read(name)
        if twin is None or not _same(twin, target, name, data):
            target.write(name, data, durable=True)


def _same(twin: Directory, target: Directory, name: str, data: bytes) -> bool:
    """Link what an earlier backup has, if it holds these bytes; else nothing is left of it."""
    try:
        if not _linked(twin, target, name):
            return False
        if target.read(name) == data:
            return True
    except OSError:
        pass
    target.remove(name)
    return False


def _linked(source: Directory, target: Directory, name: str) -> bool:
    """Link a file, or say that this cannot be. Raises FileNotFoundError for none, OSError."""
    found = source.look(name)
    if found is None or not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(errno.ENOENT, "not a regular file")
    try:
        target.link(source, name, name)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _leave(target: Directory, place: Place) -> None:
    target.remove(place.original)
    target.remove(place.sidecar)


@contextmanager
def _folder(subjects: Directory, owner: str, place: Place, *, create: bool) -> Iterator[Directory]:
    with ExitStack() as stack:
        folder = subjects
        for part in (owner, IMAGES, *place.folder):
            folder = stack.enter_context(folder.make(part) if create else folder.child(part))
        yield folder
