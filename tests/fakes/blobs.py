"""Blobs in memory, for tests of services."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from imagewright.core.errors import InvalidRequest, NotFound, StorageFull, Unavailable
from imagewright.core.picture import Format
from imagewright.ports.blobs import BlobName, Stored

_KEY = re.compile(r"[a-z]{3}_[a-z0-9]{1,100}")
_SUFFIXES = tuple(form.suffix for form in Format)
_ENDINGS = tuple(f".{suffix}" for suffix in (*_SUFFIXES, "json"))


@dataclass
class MemoryBlobs:
    """Keeps `ports.blobs.Blobs`.

    A test may set `full` (room raises, and what is put waits for `settle`), `brimming` (put
    raises StorageFull as well) and `down` (ping raises), and look into `originals` and
    `sidecars`, keyed by subject and path.
    """

    full: bool = False
    brimming: bool = False
    down: bool = False
    originals: dict[tuple[str, str], bytes] = field(default_factory=dict)
    sidecars: dict[tuple[str, str], bytes] = field(default_factory=dict)
    previews: dict[tuple[str, str], bytes] = field(default_factory=dict)
    waiting: set[tuple[str, str]] = field(default_factory=set)

    async def put(self, subject: str, name: BlobName, data: bytes, sidecar: bytes) -> Stored:
        await asyncio.sleep(0)
        path = self._free(subject, name)
        if self.brimming:
            raise StorageFull("The disk is full, and so is the space set aside.")
        if self.full:
            self.waiting.add((subject, path))
        self.originals[subject, path] = data
        self.sidecars[subject, path] = sidecar
        return Stored(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))

    async def get(self, subject: str, path: str) -> bytes:
        await asyncio.sleep(0)
        if (subject, path) not in self.originals:
            raise NotFound("There is no such image.")
        return self.originals[subject, path]

    async def delete(self, subject: str, path: str) -> None:
        await asyncio.sleep(0)
        if self.originals.pop((subject, path), None) is None:
            return
        self.waiting.discard((subject, path))
        self.previews.pop((subject, path.rpartition("/")[2].rpartition(".")[0]), None)
        try:
            told = json.loads(self.sidecars.pop((subject, path)))
        except ValueError:
            return
        if isinstance(told, dict):
            self.previews.pop((subject, str(told.get("id"))), None)

    async def put_preview(self, subject: str, key: str, data: bytes) -> None:
        await asyncio.sleep(0)
        if not _KEY.fullmatch(key):
            raise InvalidRequest("The preview's key is not an id.")
        self.previews[subject, key] = data

    async def get_preview(self, subject: str, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.previews.get((subject, key))

    async def drop_preview(self, subject: str, key: str) -> None:
        await asyncio.sleep(0)
        self.previews.pop((subject, key), None)

    async def room(self) -> None:
        if self.full or self.brimming:
            raise StorageFull("The disk has no room for another picture.")

    async def settle(self) -> int:
        if self.full or self.brimming:
            return 0
        moved = len(self.waiting)
        self.waiting.clear()
        return moved

    async def paths(self, subject: str) -> AsyncIterator[str]:
        for owner, path in sorted(self.originals):
            if owner == subject:
                yield path

    def local_path(self, subject: str, path: str) -> str | None:
        return None

    async def ping(self) -> None:
        if self.down:
            raise Unavailable("The picture store failed.")

    def _free(self, subject: str, name: BlobName) -> str:
        parts = name.folder.split("/") if name.folder else []
        for part in (*parts, name.stem):
            if (
                not part
                or part[0] == "."
                or "/" in part
                or len(part) > 240
                or not part.isprintable()
            ):
                raise InvalidRequest("The file's place cannot be used.")
        if len(parts) > 16:
            raise InvalidRequest("The file's place cannot be used.")
        top = "/".join(("images", *map(_folder, parts)))
        taken = {path.rpartition(".")[0] for owner, path in self.originals if owner == subject}
        stem, number = f"{top}/{name.stem}", 1
        while stem in taken:
            number += 1
            stem = f"{top}/{name.stem}-{number}"
        return f"{stem}.{name.format.suffix}"


def _folder(part: str) -> str:
    return "-".join(part.rsplit(".", 1)) if part.casefold().endswith(_ENDINGS) else part
