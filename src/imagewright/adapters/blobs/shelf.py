"""Originals and previews in their subjects' directories, one subject beside the other."""

import contextlib
import errno
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator

from imagewright.adapters.blobs.directory import Directory, OtherKindError
from imagewright.adapters.blobs.place import IMAGES, Place

_PREVIEWS = "previews"
_KEY = re.compile(r"[a-z]{3}_[a-z0-9]{1,100}")

Taken = Callable[[str, Place], bool]


def preview_name(key: str) -> str | None:
    """A preview's file name, or None for a key that is no id."""
    return f"{key}.webp" if _KEY.fullmatch(key) else None


class Shelf:
    """What lies below `subjects`. An owner is a subject's directory name.

    Names are given out under `naming`, which one thread holds at a time; bytes are written
    and made durable in the staging directory before, outside of it. `taken` says which
    places are promised to originals that are not on the shelf yet.

    An original's sidecar is there before the original is: a crash leaves at most a sidecar
    alone, which nobody lists and whose name the next original of that stem takes over.
    """

    def __init__(self, subjects: Directory, staging: Directory, taken: Taken) -> None:
        self._subjects = subjects
        self._staging = staging
        self._taken = taken
        self.naming = threading.RLock()

    def sweep(self) -> None:
        """Remove what a crash left half written; nobody else may be writing. Raises OSError."""
        for name, is_directory in self._staging.entries():
            if not is_directory:
                self._staging.remove(name)

    def store(self, owner: str, wanted: Place, data: bytes, sidecar: bytes) -> Place:
        """Store an original at the wanted place or the next free number. Raises OSError."""
        with (
            self._staged(data) as original,
            self._staged(sidecar) as note,
            self._folder(owner, wanted, create=True) as folder,
        ):
            with self.naming:
                place = self._free(owner, wanted, folder)
                self._enter(folder, place, original, note)
            folder.sync()
            return place

    def place(self, owner: str, place: Place, data: bytes, sidecar: bytes) -> None:
        """Store an original at this place and no other; one that is there already is right.

        The caller holds `naming`. Raises FileExistsError if something else is there, OSError.
        """
        with self._folder(owner, place, create=True) as folder:
            if folder.look(place.original) is not None:
                if folder.read(place.original) != data:
                    raise FileExistsError(place.original)
                folder.sync()
                return
            with self._staged(data) as original, self._staged(sidecar) as note:
                self._enter(folder, place, original, note)
            folder.sync()

    def free(self, owner: str, wanted: Place) -> Place:
        """The place that an original would get, for one that cannot be stored there now.

        The caller holds `naming`. Where nobody can look which names are taken, because
        something stands in the folder's way or the disk fails, the number is a random one.
        """
        try:
            with self._folder(owner, wanted, create=False) as folder:
                return self._free(owner, wanted, folder)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not isinstance(error, OtherKindError):
                return self._free(owner, wanted, None)
            return self._free(owner, wanted.numbered(secrets.randbits(64) | 1 << 63), None)

    def read(self, owner: str, place: Place) -> bytes:
        """An original's bytes. Raises OSError."""
        with self._folder(owner, place, create=False) as folder:
            return folder.read(place.original)

    def read_sidecar(self, owner: str, place: Place) -> bytes:
        """The bytes beside it, unless they belong to another original. Raises OSError."""
        with self._folder(owner, place, create=False) as folder:
            if folder.look(place.original) is None and _occupied(folder, place):
                raise FileNotFoundError(errno.ENOENT, "another original's sidecar")
            return folder.read(place.sidecar)

    def remove(self, owner: str, place: Place) -> None:
        """Remove an original and then its sidecar, durably; the caller holds `naming`.

        A sidecar that belongs to another original of the same stem stays. Raises OSError.
        """
        try:
            with self._folder(owner, place, create=False) as folder:
                folder.remove(place.original)
                if not _occupied(folder, place):
                    folder.remove(place.sidecar)
                folder.sync()
        except FileNotFoundError:
            return

    def paths(self, owner: str) -> list[str]:
        """The path of every original that could be one of ours. Raises OSError."""
        try:
            with self._subjects.child(owner) as subject, subject.child(IMAGES) as images:
                return list(_walk(images, IMAGES))
        except FileNotFoundError:
            return []

    def keep_preview(self, owner: str, name: str, data: bytes) -> None:
        """Write a preview over the one before, not durably. Raises OSError."""
        with self._subjects.make(owner) as subject, subject.make(_PREVIEWS) as previews:
            fresh = secrets.token_hex(16)
            self._staging.write(fresh, data, durable=False)
            try:
                previews.replace(self._staging, fresh, name)
            except OSError:
                self._staging.remove(fresh)
                raise

    def preview(self, owner: str, name: str) -> bytes:
        """A preview's bytes. Raises OSError."""
        with self._subjects.child(owner) as subject, subject.child(_PREVIEWS) as previews:
            return previews.read(name)

    def drop_preview(self, owner: str, name: str) -> None:
        """Remove a preview; a missing one is no error. Raises OSError."""
        with (
            contextlib.suppress(FileNotFoundError),
            self._subjects.child(owner) as subject,
            subject.child(_PREVIEWS) as previews,
        ):
            previews.remove(name)

    @contextlib.contextmanager
    def _staged(self, data: bytes) -> Iterator[str]:
        name = secrets.token_hex(16)
        self._staging.write(name, data, durable=True)
        try:
            yield name
        finally:
            self._staging.remove(name)

    @contextlib.contextmanager
    def _folder(self, owner: str, place: Place, *, create: bool) -> Iterator[Directory]:
        with contextlib.ExitStack() as stack:
            folder = self._subjects
            for part in (owner, IMAGES, *place.folder):
                folder = stack.enter_context(folder.make(part) if create else folder.child(part))
            yield folder

    def _free(self, owner: str, wanted: Place, folder: Directory | None) -> Place:
        def free(number: int) -> bool:
            place = wanted.numbered(number)
            return not self._taken(owner, place) and (
                folder is None or not _occupied(folder, place)
            )

        if free(1):
            return wanted
        low, high = 1, 2
        while not free(high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if free(middle) else (middle, high)
        return wanted.numbered(high)

    def _enter(self, folder: Directory, place: Place, original: str, note: str) -> None:
        folder.replace(self._staging, note, place.sidecar)
        folder.link(self._staging, original, place.original)


def _occupied(folder: Directory, place: Place) -> bool:
    if any(folder.look(name) is not None for name in place.rivals):
        return True
    beside = folder.look(place.sidecar)
    return beside is not None and stat.S_ISDIR(beside.st_mode)


def _walk(folder: Directory, path: str) -> Iterator[str]:
    for name, is_directory in folder.entries():
        below = f"{path}/{name}"
        if is_directory and Place.known(f"{below}/a.png"):
            with folder.child(name) as inner:
                yield from _walk(inner, below)
        elif not is_directory and Place.known(below):
            yield below
