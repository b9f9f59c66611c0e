"""Pictures that found the disk full, kept in a file whose blocks were taken at start.

The file is overwritten in place and never grows. Its first page says what it is, then comes a
table of one page for each record, then the area where the records' bytes lie::

    page 0      magic, a newline, the table's pages as decimal digits, a newline
    page 1..n   sha256 of the entry | its length (2 bytes, big endian) | the entry, JSON
    the rest    for each entry: the sidecar's bytes, then the original's

The bytes are durable before their entry is, so an entry whose own hash is right is a whole
record; its bytes are hashed again when the file is opened, and what a crash tore is free space.
Only the table is read to find records: bytes that a caller sent can never pass for one.

Limit: a copy-on-write file system (btrfs, ZFS) needs new blocks even to overwrite. On those
the file should be excepted (btrfs: `chattr +C` on the directory) or a quota kept in hand.
"""

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from typing import Self

from imagewright.adapters.blobs.directory import Directory, sync
from imagewright.adapters.blobs.place import Place
from imagewright.adapters.blobs.reserve import allocate
from imagewright.core.errors import Fault, StorageFull, Unavailable

PAGE = 4096
_NAME = "spool"
_MAGIC = b"imagewright spool 1\n"
_DIGEST = hashlib.sha256().digest_size
_LENGTH = 2
_DIGITS = 10


def table_pages(size: int) -> int:
    """Records that a spool of this many bytes can hold: one for each 256 KiB, 16 to 256."""
    return min(max(size >> 18, 16), 256)


def smallest(picture: int) -> int:
    """The least size in bytes of a spool that holds one picture of this size and its sidecar."""
    size = 0
    while size - (1 + table_pages(size)) * PAGE < picture:
        size = picture + (1 + table_pages(size)) * PAGE
    return size


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One record: whose it is (the subject's directory), its place and where its bytes lie.

    `sha256` is of the sidecar's bytes with the original's behind them.
    """

    owner: str
    path: str
    sha256: str
    start: int
    sidecar: int
    bytes: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.sidecar + self.bytes


class Spool:
    """The open file and what is known of it; safe to call from several threads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.size = os.fstat(descriptor).st_size
        self._pages = self._header()
        self._first = (1 + self._pages) * PAGE
        self._entries: dict[int, Waiting] = {}
        self._rebuild()

    @classmethod
    def open(cls, directory: Directory, size: int) -> Self:
        """Open the file, made or remade at `size` bytes; one with records in it keeps its size.

        Raises Unavailable for a file that is no spool, OSError.
        """
        if directory.look(_NAME) is None:
            _create(directory, size)
        spool = cls._existing(directory)
        if spool.size == size or spool.waiting():
            return spool
        # A disk too full for another size leaves the old spool in use.
        with contextlib.suppress(OSError):
            _create(directory, size)
            spool.close()
            spool = cls._existing(directory)
        return spool

    @classmethod
    def _existing(cls, directory: Directory) -> Self:
        descriptor = directory.open(_NAME, os.O_RDWR)
        try:
            return cls(descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def close(self) -> None:
        os.close(self._descriptor)

    def add(self, owner: str, place: Place, data: bytes, sidecar: bytes) -> None:
        """Keep a record, durable on return. Raises StorageFull, OSError."""
        with self._lock:
            page = next(
                (page for page in range(1, self._pages + 1) if page not in self._entries), None
            )
            start = self._gap(len(sidecar) + len(data))
            if page is None or start is None:
                raise StorageFull("The disk is full, and so is the space set aside.")
            entry = Waiting(
                owner=owner,
                path=place.path,
                sha256=_hash(sidecar, data),
                start=start,
                sidecar=len(sidecar),
                bytes=len(data),
            )
            self._write(start, sidecar)
            self._write(start + len(sidecar), data)
            sync(self._descriptor)
            self._write(page * PAGE, _encode(entry))
            sync(self._descriptor)
            self._entries[page] = entry

    def read(self, owner: str, path: str) -> tuple[bytes, bytes] | None:
        """A record's original and sidecar, or None. Raises OSError."""
        if not self._entries:
            return None
        with self._lock:
            page = self._find(owner, path)
            return None if page is None else self._bytes(self._entries[page])

    def drop(self, owner: str, path: str) -> None:
        """Forget a record, durably; a missing one is no error. Raises OSError."""
        with self._lock:
            page = self._find(owner, path)
            if page is not None:
                self._write(page * PAGE, bytes(PAGE))
                sync(self._descriptor)
                del self._entries[page]

    def waiting(self) -> list[Waiting]:
        """Every record."""
        with self._lock:
            return list(self._entries.values())

    def holds(self, owner: str, path: str) -> bool:
        """Whether a record waits for this place."""
        return self._entries != {} and any(
            entry.owner == owner and entry.path == path for entry in self.waiting()
        )

    def takes(self, owner: str, place: Place) -> bool:
        """Whether a record waits for this place or for one of the same stem."""
        return self._entries != {} and any(
            entry.owner == owner and Place.parse(entry.path).fold() == place.fold()
            for entry in self.waiting()
        )

    def fits(self, size: int) -> bool:
        """Whether one record more of this many bytes could be kept."""
        with self._lock:
            return len(self._entries) < self._pages and self._gap(size) is not None

    def prove(self) -> None:
        """Write the first page again and read it back. Raises Unavailable, OSError."""
        with self._lock:
            self._write(0, _head(self._pages))
            sync(self._descriptor)
            self._header()

    def _find(self, owner: str, path: str) -> int | None:
        for page, entry in self._entries.items():
            if entry.owner == owner and entry.path == path:
                return page
        return None

    def _gap(self, size: int) -> int | None:
        start = self._first
        for entry in sorted(self._entries.values(), key=lambda entry: entry.start):
            if entry.start - start >= size:
                return start
            start = entry.end
        return start if self.size - start >= size else None

    def _header(self) -> int:
        head = os.pread(self._descriptor, PAGE, 0)
        digits = head.removeprefix(_MAGIC).partition(b"\n")[0]
        pages = int(digits) if digits.isdigit() and len(digits) < _DIGITS else 0
        if not head.startswith(_MAGIC) or not 0 < pages < self.size // PAGE:
            raise Unavailable(
                "The spool file is damaged.",
                hint="Keep a copy of reserve/spool, remove it and start again.",
            )
        return pages

    def _rebuild(self) -> None:
        for page in range(1, self._pages + 1):
            entry = _decode(os.pread(self._descriptor, PAGE, page * PAGE))
            if entry is None or entry.start < self._first or entry.end > self.size:
                continue
            data, sidecar = self._bytes(entry)
            if _hash(sidecar, data) == entry.sha256:
                self._entries[page] = entry

    def _bytes(self, entry: Waiting) -> tuple[bytes, bytes]:
        whole = os.pread(self._descriptor, entry.sidecar + entry.bytes, entry.start)
        return whole[entry.sidecar :], whole[: entry.sidecar]

    def _write(self, start: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._descriptor, rest, start)
            rest, start = rest[written:], start + written


def _create(directory: Directory, size: int) -> None:
    pages = table_pages(size)
    head = _head(pages)
    allocate(directory, _NAME, size, head + bytes((1 + pages) * PAGE - len(head)))


def _hash(sidecar: bytes, data: bytes) -> str:
    digest = hashlib.sha256(sidecar)
    digest.update(data)
    return digest.hexdigest()


def _head(pages: int) -> bytes:
    return (_MAGIC + b"%d\n" % pages).ljust(PAGE, b"\0")


def _encode(entry: Waiting) -> bytes:
    text = json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")).encode()
    body = len(text).to_bytes(_LENGTH, "big") + text
    page = hashlib.sha256(body).digest() + body
    if len(page) > PAGE:
        raise StorageFull("The file's place is too long for the space set aside.")
    return page.ljust(PAGE, b"\0")


def _decode(page: bytes) -> Waiting | None:
    length = int.from_bytes(page[_DIGEST : _DIGEST + _LENGTH], "big")
    body = page[_DIGEST : _DIGEST + _LENGTH + length]
    if not length or hashlib.sha256(body).digest() != page[:_DIGEST]:
        return None
    with contextlib.suppress(ValueError, TypeError, Fault):
        entry = Waiting(**json.loads(body[_LENGTH:]))
        Place.parse(entry.path)
        return entry
    return None
