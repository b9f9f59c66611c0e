"""Whole pictures on this machine's disk: on the shelf, or in the spool while the disk is full."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from imagewright.adapters.blobs import lock
from imagewright.adapters.blobs.place import NO_IMAGE, Place
from imagewright.adapters.blobs.reserve import Ballast
from imagewright.adapters.blobs.root import FULL, open_room, open_root, prove_links, unusable
from imagewright.adapters.blobs.shelf import Shelf, preview_name
from imagewright.adapters.blobs.spool import Spool, Waiting, smallest
from imagewright.core.errors import InvalidRequest, NotFound, StorageFull
from imagewright.core.filename import subject_directory
from imagewright.ports.blobs import BlobName, Stored

MIB = 1 << 20
SIDECAR_BYTES = 64 << 10
_MARGIN = MIB
_INODES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBlobsConfig:
    """The state directory, and what is set aside in it for a full disk; sizes in bytes.

    `ballast_bytes` is given up first, for the database on the same disk; `spool_bytes` keeps
    pictures and must hold one of `max_picture_bytes`. `patience` is how long, in seconds, the
    start waits for another process to leave the directory. Raises ValueError.
    """

    root: Path
    spool_bytes: int = 64 * MIB
    ballast_bytes: int = 16 * MIB
    max_picture_bytes: int = 50 * MIB
    patience: float = 10.0

    def __post_init__(self) -> None:
        least = smallest(self.max_picture_bytes + SIDECAR_BYTES)
        if self.spool_bytes < least:
            raise ValueError(f"spool_bytes is less than {least}, what one picture may need")
        if self.ballast_bytes < MIB:
            raise ValueError(f"ballast_bytes is less than {MIB}")


class Store:
    """What `ports.blobs` promises, without the event loop: every method blocks.

    Below the root: `subjects` (what is kept), `staging` (what is being written) and
    `reserve` (lock, spool and ballast), all on one file system that has hard links.

    An original that cannot reach its place, for whatever reason, waits in the spool: it has
    been paid for. Methods raise OSError for what a disk can fail with beyond that.
    """

    def __init__(self, config: LocalBlobsConfig, held: ExitStack) -> None:
        self._config = config
        self._held = held
        root = held.enter_context(open_root(config.root))
        self._disk = held.enter_context(open_room(root, "subjects"))
        staging = held.enter_context(open_room(root, "staging"))
        reserve = held.enter_context(open_room(root, "reserve"))
        held.callback(os.close, lock.take(reserve, config.patience))
        self._spool = Spool.open(reserve, config.spool_bytes)
        held.callback(self._spool.close)
        self._ballast = Ballast(reserve, config.ballast_bytes)
        self._shelf = Shelf(self._disk, staging, self._spool.takes)
        self._shelf.sweep()
        prove_links(staging)
        self.settle()

    @classmethod
    def open(cls, config: LocalBlobsConfig) -> "Store":
        """Open the state directory, made if missing, and take it for this process alone.

        Raises Unavailable, and StorageFull if what is set aside does not fit on the disk.
        """
        with ExitStack() as held:
            try:
                store = cls(config, held)
            except OSError as error:
                raise unusable(config.root, error) from error
            store._held = held.pop_all()
            return store

    def close(self) -> None:
        """Leave the directory to the next process."""
        self._held.close()

    def put(self, subject: str, name: BlobName, data: bytes, sidecar: bytes) -> Stored:
        """Raises StorageFull, OSError."""
        owner = subject_directory(subject)
        wanted = Place.wanted(name)
        place = None
        if not self._cramped(len(data) + len(sidecar)):
            try:
                place = self._shelf.store(owner, wanted, data, sidecar)
            except OSError as error:
                if error.errno in FULL:
                    self._lighten()
        if place is None:
            place = self._put_aside(owner, wanted, data, sidecar)
        return Stored(path=place.path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))

    def get(self, subject: str, path: str) -> bytes:
        """Raises NotFound, OSError."""
        owner = subject_directory(subject)
        place = Place.parse(path)
        # The spool first: a record is on the shelf before it leaves the spool.
        waiting = self._spool.read(owner, path)
        if waiting is not None:
            return waiting[0]
        try:
            return self._shelf.read(owner, place)
        except FileNotFoundError:
            raise NotFound(NO_IMAGE) from None

    def delete(self, subject: str, path: str) -> None:
        """Raises OSError."""
        if not Place.known(path):
            return
        owner = subject_directory(subject)
        place = Place.parse(path)
        with self._shelf.naming:
            previews = list(self._previews(owner, place))
            self._spool.drop(owner, path)
            self._shelf.remove(owner, place)
        for name in previews:
            self._shelf.drop_preview(owner, name)

    def put_preview(self, subject: str, key: str, data: bytes) -> None:
        """Raises InvalidRequest for a key that is no id."""
        name = preview_name(key)
        if name is None:
            raise InvalidRequest("The preview's key is not an id.")
        if self._ballast.aboard:
            with contextlib.suppress(OSError):
                self._shelf.keep_preview(subject_directory(subject), name, data)

    def get_preview(self, subject: str, key: str) -> bytes | None:
        """None also for a key that is no id."""
        name = preview_name(key)
        with contextlib.suppress(OSError):
            return None if name is None else self._shelf.preview(subject_directory(subject), name)
        return None

    def drop_preview(self, subject: str, key: str) -> None:
        """Raises OSError."""
        name = preview_name(key)
        if name is not None:
            self._shelf.drop_preview(subject_directory(subject), name)

    def room(self) -> None:
        """Raises StorageFull, OSError."""
        free, inodes = self._disk.space()
        if (
            not self._ballast.aboard
            or not self._spool.fits(self._config.max_picture_bytes + SIDECAR_BYTES)
            or free < self._config.max_picture_bytes
            or (inodes is not None and inodes < _INODES)
        ):
            raise StorageFull(
                "The disk has no room for another picture.",
                hint="Nothing was spent. Delete images, or ask the operator for space.",
            )

    def settle(self) -> int:
        """The number of records moved; the ballast is taken again once there is room for it."""
        moved = 0
        for entry in self._spool.waiting():
            if self._spare() < entry.sidecar + entry.bytes:
                break
            moved += self._move(entry)
        if not self._ballast.aboard and self._spare() >= 0:
            with contextlib.suppress(OSError):
                self._ballast.load()
        return moved

    def paths(self, subject: str) -> list[str]:
        """Sorted. Raises OSError."""
        owner = subject_directory(subject)
        # The spool first, as in get: nothing is missed on its way to the shelf.
        waiting = {entry.path for entry in self._spool.waiting() if entry.owner == owner}
        return sorted(waiting.union(self._shelf.paths(owner)))

    def local_path(self, subject: str, path: str) -> str | None:
        """None for a path that no original can have, and while the original waits."""
        owner = subject_directory(subject)
        if not Place.known(path) or self._spool.holds(owner, path):
            return None
        return str(self._config.root.absolute().joinpath("subjects", owner, path))

    def ping(self) -> None:
        """Raises Unavailable, OSError."""
        self._disk.space()
        self._spool.prove()

    def _put_aside(self, owner: str, wanted: Place, data: bytes, sidecar: bytes) -> Place:
        try:
            with self._shelf.naming:
                place = self._shelf.free(owner, wanted)
                self._spool.add(owner, place, data, sidecar)
                return place
        except StorageFull:
            # What the ballast gave back is for the books, but a picture is worth more than none.
            try:
                return self._shelf.store(owner, wanted, data, sidecar)
            except OSError as error:
                if error.errno in FULL:
                    raise StorageFull("The disk is full, and so is the space set aside.") from None
                raise

    def _cramped(self, size: int) -> bool:
        if self._ballast.aboard and self._disk.space()[0] < size + _MARGIN:
            self._lighten()
        return not self._ballast.aboard

    def _lighten(self) -> None:
        with contextlib.suppress(OSError):
            self._ballast.drop()

    def _spare(self) -> int:
        ballast = 0 if self._ballast.aboard else self._config.ballast_bytes
        return self._disk.space()[0] - ballast - _MARGIN

    def _move(self, entry: Waiting) -> bool:
        with self._shelf.naming, contextlib.suppress(OSError):
            record = self._spool.read(entry.owner, entry.path)
            if record is not None:
                self._shelf.place(entry.owner, Place.parse(entry.path), *record)
                self._spool.drop(entry.owner, entry.path)
                return True
        return False

    def _previews(self, owner: str, place: Place) -> Iterator[str]:
        record = self._spool.read(owner, place.path)
        with contextlib.suppress(OSError, ValueError):
            note = self._shelf.read_sidecar(owner, place) if record is None else record[1]
            told = json.loads(note)
            key = told.get("id") if isinstance(told, dict) else None
            if isinstance(key, str) and (name := preview_name(key)):
                yield name
        if name := preview_name(place.stem):
            yield name
