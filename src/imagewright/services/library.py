"""A subject's images: kept, listed, shown and deleted."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest, StorageQuota
from imagewright.core.ids import Kind
from imagewright.core.image import Image, Origin, Parent
from imagewright.core.picture import Picture, PictureLimits, Rendition
from imagewright.ports.blobs import BlobName, Blobs
from imagewright.ports.books import Origin as Whence
from imagewright.ports.clock import World
from imagewright.ports.imaging import Imaging, Masked, Preview, Rendered
from imagewright.ports.library import Library, Page, Search
from imagewright.services.quotas import Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryRules:
    """The operator's limits on pictures: coming in, made by a provider, and rendered."""

    inputs: PictureLimits
    outputs: PictureLimits
    rendition_edge: int = 4096
    preview: Preview = Preview()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where images are: their rows, their bytes, and what reads the bytes."""

    rows: Library
    blobs: Blobs
    imaging: Imaging


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is known of a picture beside its bytes, before it is kept."""

    origin: Origin
    job: str | None = None
    index: int = 0
    provider: str = ""
    model: str = ""
    prompt: str = ""
    revised_prompt: str | None = None
    seed: int | None = None
    asked_size: str = ""
    tags: tuple[str, ...] = ()
    folder: str = ""
    filename: str | None = None
    parents: tuple[Parent, ...] = ()


class LibraryService:
    """One subject at a time: whatever it does not own is not there."""

    def __init__(
        self, shelf: Shelf, rules: LibraryRules, world: World, quotas: Quotas | None = None
    ) -> None:
        """`quotas` None is a library without limits of its subjects."""
        self._quotas = quotas
        self._shelf = shelf
        self._rules = rules
        self._clock = world.clock
        self._new_id = world.new_id
        self._arriving: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def get(self, subject: str, image: str) -> Image:
        """Raises NotFound."""
        return await self._shelf.rows.get(subject, image)

    async def of_job(self, subject: str, job: str) -> tuple[Image, ...]:
        """What a job made and is still there."""
        return await self._shelf.rows.of_job(subject, job)

    async def of_jobs(self, subject: str, jobs: Sequence[str]) -> tuple[Image, ...]:
        """What jobs made and is still there, by job."""
        return await self._shelf.rows.of_jobs(subject, jobs)

    async def list(self, subject: str, search: Search) -> Page:
        """Images, newest first. Raises NotFound for a page that starts nowhere."""
        return await self._shelf.rows.list(subject, search)

    async def original(self, subject: str, image: str) -> tuple[Image, bytes]:
        """An image and its untouched bytes. Raises NotFound."""
        row = await self._shelf.rows.get(subject, image)
        return row, await self._shelf.blobs.get(subject, row.path)

    async def view(self, subject: str, image: str, rendition: Rendition) -> Rendered:
        """An image as asked; the original itself where nothing is asked.

        Raises NotFound, and InvalidRequest for an edge out of range.
        """
        self.check_rendition(rendition)
        row, data = await self.original(subject, image)
        if rendition == Rendition():
            return Rendered(data=data, picture=row.picture)
        return await self._shelf.imaging.render(data, rendition, self._rules.outputs)

    async def preview(self, subject: str, image: str) -> bytes:
        """A small WebP, made again where the kept one was lost. Raises NotFound."""
        row = await self._shelf.rows.get(subject, image)
        kept = await self._shelf.blobs.get_preview(subject, row.id)
        if kept is not None:
            return kept
        data = await self._shelf.blobs.get(subject, row.path)
        made = await self._shelf.imaging.inspect(data, self._rules.outputs, self._rules.preview)
        if made.preview is None:
            raise AssertionError("a preview was asked for and none was made")
        await self._shelf.blobs.put_preview(subject, row.id, made.preview)
        return made.preview

    async def mask(self, subject: str, image: str) -> Masked:
        """An image read as a mask.

        Raises NotFound, and InvalidImage for one that changes nothing, or everything.
        """
        _, data = await self.original(subject, image)
        return await self._shelf.imaging.read_mask(data, self._rules.inputs)

    async def partial(self, subject: str, job: str) -> bytes | None:
        """The latest partial image of a running job, as a small WebP."""
        return await self._shelf.blobs.get_preview(subject, job)

    async def keep_partial(self, subject: str, job: str, data: bytes) -> bytes | None:
        """Keep a running job's latest partial; the small WebP, or None where none can be made.

        Raises InvalidImage or ImageTooLarge, and StorageFull where nothing can hold it.
        """
        seen = await self._shelf.imaging.inspect(data, self._rules.outputs, self._rules.preview)
        if seen.preview is not None:
            await self._shelf.blobs.put_preview(subject, job, seen.preview)
        return seen.preview

    async def drop_partial(self, subject: str, job: str) -> None:
        """Forget a job's partial once the job has ended."""
        await self._shelf.blobs.drop_preview(subject, job)

    async def keep(self, subject: str, data: bytes, label: Label) -> Image:
        """Check a picture and store its bytes; the row is the caller's to enter.

        Raises InvalidImage or ImageTooLarge, and StorageFull where nothing can hold it.
        """
        limits = self._rules.inputs if label.origin is Origin.IMPORTED else self._rules.outputs
        seen = await self._shelf.imaging.inspect(data, limits, self._rules.preview)
        image = self._row(seen.picture, data, label)
        name = BlobName(
            folder=label.folder, stem=label.filename or image.id, format=seen.picture.format
        )
        stored = await self._shelf.blobs.put(subject, name, data, sidecar(image))
        if seen.preview is not None:
            await self._shelf.blobs.put_preview(subject, image.id, seen.preview)
        return replace(image, path=stored.path)

    async def bring_in(self, caller: Caller, data: bytes, whence: Whence) -> Image:
        """Keep an input picture as an imported image; the same bytes are kept once.

        Raises StorageQuota where the caller's own limit has no room, and what `keep` raises.
        """
        subject = caller.subject
        sha256 = hashlib.sha256(data).hexdigest()
        async with self._arriving.setdefault((subject, sha256), asyncio.Lock()):
            known = await self._shelf.rows.of_hash(subject, sha256)
            if known is not None:
                return known
            await self._shelf.blobs.room()
            image = await self.keep(subject, data, Label(origin=Origin.IMPORTED))
            await self._enter(caller, image, whence)
            return image

    async def _enter(self, caller: Caller, image: Image, whence: Whence) -> None:
        rows = self._shelf.rows
        if self._quotas is None:
            await rows.add(caller, image, whence)
            return
        try:
            await self._quotas.entered(rows.add(caller, image, whence, self._quotas.of(caller)))
        except StorageQuota:
            await self._shelf.blobs.delete(caller.subject, image.path)
            await self._shelf.blobs.drop_preview(caller.subject, image.id)
            raise

    async def delete(
        self, caller: Caller, image: str, whence: Whence, *, derived: bool
    ) -> tuple[Image, ...]:
        """Remove an image, and what was made from it if asked. Raises NotFound."""
        now = self._clock.now()
        gone = await self._shelf.rows.delete(caller, image, whence, now, derived=derived)
        for row in gone:
            await self._shelf.blobs.delete(caller.subject, row.path)
            await self._shelf.blobs.drop_preview(caller.subject, row.id)
        return gone

    async def room(self) -> None:
        """Raise StorageFull unless another picture could be kept."""
        await self._shelf.blobs.room()

    def local_path(self, subject: str, image: Image) -> str | None:
        """Where the original lies on this machine."""
        return self._shelf.blobs.local_path(subject, image.path)

    def check_rendition(self, rendition: Rendition) -> None:
        """Raise InvalidRequest for a rendition that is never made, before anything is read."""
        most = self._rules.rendition_edge
        for edge in (rendition.width, rendition.height):
            if edge is not None and edge > most:
                raise InvalidRequest(f"A rendition's edge must be from 1 to {most} pixels.")

    def _row(self, picture: Picture, data: bytes, label: Label) -> Image:
        return Image(
            id=self._new_id(Kind.IMAGE),
            job=label.job,
            index=label.index,
            origin=label.origin,
            path="",
            sha256=hashlib.sha256(data).hexdigest(),
            picture=picture,
            provider=label.provider,
            model=label.model,
            prompt=label.prompt,
            revised_prompt=label.revised_prompt,
            seed=label.seed,
            asked_size=label.asked_size,
            tags=label.tags,
            created_at=self._clock.now(),
            parents=label.parents,
        )


def sidecar(image: Image) -> bytes:
    """The JSON kept beside an original: what the row says, for a reader without the database."""
    return json.dumps(
        {
            "id": image.id,
            "origin": image.origin.value,
            "sha256": image.sha256,
            "mime": image.picture.format.mime,
            "width": image.picture.size.width,
            "height": image.picture.size.height,
            "bytes": image.picture.bytes,
            "provider": image.provider,
            "model": image.model,
            "prompt": image.prompt,
            "revised_prompt": image.revised_prompt,
            "seed": image.seed,
            "asked_size": image.asked_size,
            "tags": list(image.tags),
            "created_at": image.created_at,
            "job": image.job,
            "parents": [
                {"image": parent.image, "role": parent.role.value} for parent in image.parents
            ],
        },
        indent=1,
        ensure_ascii=False,
    ).encode()
