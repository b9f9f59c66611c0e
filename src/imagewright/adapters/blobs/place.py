"""Where an original stands below its subject's directory."""

import contextlib
import unicodedata
from dataclasses import dataclass, replace
from typing import Self

from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.picture import Format
from imagewright.ports.blobs import BlobName

IMAGES = "images"
NO_IMAGE = "There is no such image."
SUFFIXES = tuple(sorted(form.suffix for form in Format))
_NOTE = "json"
_MAX_BYTES = 255
_MAX_DEPTH = 16
_FILE_ENDINGS = tuple(f".{suffix}" for suffix in (*SUFFIXES, _NOTE))


@dataclass(frozen=True, slots=True)
class Place:
    """An original's folder below `images`, its stem and its suffix; each part is safe to open.

    One stem holds one original, because its sidecar is named for the stem alone.
    """

    folder: tuple[str, ...]
    stem: str
    suffix: str

    def __post_init__(self) -> None:
        if (
            len(self.folder) > _MAX_DEPTH
            or self.suffix not in SUFFIXES
            or not all(_safe(part) for part in (*self.folder, self.original))
            or any(_folder(part) != part for part in self.folder)
        ):
            raise InvalidRequest("The file's place cannot be used.")

    @classmethod
    def wanted(cls, name: BlobName) -> Self:
        """The place a caller asks for. Raises InvalidRequest for a name that was never checked.

        A folder called like a file of ours (`cat.png`) has its last dot turned into a dash,
        so that a folder never takes a file's name or a file a folder's.
        """
        parts = name.folder.split("/") if name.folder else []
        return cls(tuple(_folder(part) for part in parts), name.stem, name.format.suffix)

    @classmethod
    def parse(cls, path: str) -> Self:
        """The place of a stored path. Raises NotFound for a path that no original can have."""
        parts = path.split("/")
        stem, _, suffix = parts[-1].rpartition(".")
        try:
            if len(parts) > 1 and parts[0] == IMAGES:
                return cls(tuple(parts[1:-1]), stem, suffix)
        except InvalidRequest:
            pass
        raise NotFound(NO_IMAGE)

    @classmethod
    def known(cls, path: str) -> bool:
        """Whether a path is one that an original can have."""
        with contextlib.suppress(NotFound):
            cls.parse(path)
            return True
        return False

    @property
    def original(self) -> str:
        """The original's file name."""
        return f"{self.stem}.{self.suffix}"

    @property
    def sidecar(self) -> str:
        """The file name of the JSON beside it."""
        return f"{self.stem}.{_NOTE}"

    @property
    def rivals(self) -> tuple[str, ...]:
        """Every file name that an original of this stem could have."""
        return tuple(f"{self.stem}.{suffix}" for suffix in SUFFIXES)

    @property
    def path(self) -> str:
        """Relative to the subject's directory."""
        return "/".join((IMAGES, *self.folder, self.original))

    def numbered(self, number: int) -> Self:
        """The same place with `-<number>` behind its stem; 1 is the place itself."""
        return self if number == 1 else replace(self, stem=f"{self.stem}-{number}")

    def fold(self) -> str:
        """Equal for places that a file system blind to case or Unicode form takes for one."""
        return unicodedata.normalize("NFC", "/".join((*self.folder, self.stem)).casefold())


def _folder(part: str) -> str:
    if not part.casefold().endswith(_FILE_ENDINGS):
        return part
    return "-".join(part.rsplit(".", 1))


def _safe(part: str) -> bool:
    if not part or part[0] == "." or "/" in part or "\0" in part:
        return False
    try:
        return len(part.encode()) <= _MAX_BYTES
    except UnicodeEncodeError:
        return False
