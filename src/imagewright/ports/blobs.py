"""Original bytes, kept under their subject's own directory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from imagewright.core.picture import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobName:
    """Where a caller wants a picture: a folder below the images directory and a stem.

    Both are checked values (`core.filename`); the ending follows the real format.
    `stem` is the image's id where the caller gave none.
    """

    folder: str
    stem: str
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A blob at rest. `path` is relative to the subject's directory, `/` between its parts."""

    path: str
    sha256: str
    bytes: int


class Blobs(Protocol):
    """Stores whole files atomically; nothing is overwritten, a taken name is numbered.

    The first argument is always the subject: a path means nothing without it.
    Links are never followed and no name leaves the subject's directory.
    """

    async def put(self, subject: str, name: BlobName, data: bytes, sidecar: bytes) -> Stored:
        """Store an original, durable on return, with its sidecar JSON beside it.

        With a full disk the bytes go to space that was set aside at start and are readable
        at once; they move to their place when there is room. Raises StorageFull only when
        that space is used up too.
        """

    async def get(self, subject: str, path: str) -> bytes:
        """The bytes as they were stored. Raises NotFound."""

    async def delete(self, subject: str, path: str) -> None:
        """Remove an original, its sidecar and its preview. A missing one is no error."""

    async def put_preview(self, subject: str, key: str, data: bytes) -> None:
        """Keep a preview, or a job's latest partial, under an id; it may be lost."""

    async def get_preview(self, subject: str, key: str) -> bytes | None:
        """A preview, or None if it is not there."""

    async def drop_preview(self, subject: str, key: str) -> None:
        """Forget a preview."""

    async def room(self) -> None:
        """Raise StorageFull unless another paid picture could be kept; asked before money moves."""

    async def settle(self) -> int:
        """Move what waits in the space set aside to its place; the number moved."""

    def paths(self, subject: str) -> AsyncIterator[str]:
        """Every original of a subject, for checks against the books."""

    def local_path(self, subject: str, path: str) -> str | None:
        """The absolute path on this machine, or None where there is no file of ours."""

    async def ping(self) -> None:
        """Raise Unavailable unless the store can be written and read."""
