"""A subject's images, as rows: what they are and where they came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest
from imagewright.core.image import Image, Origin
from imagewright.ports.books import Origin as Whence
from imagewright.ports.books import Quota

NO_QUOTA = Quota()
MAX_TEXT = 500
MAX_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which images to list: all fields narrow.

    `text` is found in prompts, names and tags, without case.
    `since` and `until` are UTC microseconds; `before` is the id a page starts after.
    Raises InvalidRequest when made with a text or limit out of range.
    """

    text: str | None = None
    provider: str | None = None
    model: str | None = None
    origin: Origin | None = None
    tag: str | None = None
    since: int | None = None
    until: int | None = None
    before: str | None = None
    limit: int = 20

    def __post_init__(self) -> None:
        if len(self.text or "") > MAX_TEXT:
            raise InvalidRequest(
                f"The text to find has more than {MAX_TEXT} characters.", hint="Shorten it."
            )
        if not 1 <= self.limit <= MAX_PAGE:
            raise InvalidRequest(f"limit is {self.limit}; it must be from 1 to {MAX_PAGE}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Images, newest first, how many match in all, and whether more follow."""

    images: tuple[Image, ...]
    total: int
    more: bool


class Library(Protocol):
    """The subject always comes first; another's image is NotFound, like one that never was."""

    async def get(self, subject: str, image: str) -> Image:
        """Raises NotFound."""

    async def of_job(self, subject: str, job: str) -> tuple[Image, ...]:
        """The images a job made that are still there, by index."""

    async def of_jobs(self, subject: str, jobs: Sequence[str]) -> tuple[Image, ...]:
        """The images that jobs made and that are still there, by job and index."""

    async def of_hash(self, subject: str, sha256: str) -> Image | None:
        """An image of the subject with exactly these bytes."""

    async def list(self, subject: str, search: Search) -> Page:
        """Raises NotFound where `before` names no image of the subject."""

    async def owner(self, image: str) -> str | None:
        """The subject of an image, or None; for links alone, whose signature proves the right."""

    async def add(
        self, caller: Caller, image: Image, whence: Whence, quota: Quota = NO_QUOTA
    ) -> None:
        """Enter an image that no job made, and its line in the audit.

        Raises StorageQuota where the quota has no room for its bytes; then nothing is entered.
        """

    async def delete(
        self, caller: Caller, image: str, whence: Whence, now: int, *, derived: bool
    ) -> tuple[Image, ...]:
        """Remove the row, with `derived` those made from it too, and return them; audit it once.

        Raises NotFound.
        """
