"""What a backup says of itself: `manifest.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from imagewright.core.errors import InvalidRequest

NAME = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`made_at` is UTC, `program` a version, `schema` a migration, `database` its kind.

    `images` and `bytes` count the originals; `faulty` says of images, by id, that the original
    was `missing` or `damaged` when the backup was made.
    """

    made_at: str
    program: str
    schema: str
    database: str
    images: int
    bytes: int
    key: bool
    faulty: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Raises InvalidRequest for a directory that is no backup, OSError."""
        hint = "Name a directory that `imagewright backup` made."
        try:
            told = json.loads((directory / NAME).read_bytes())
            if told.pop("format") == _FORMAT:
                return cls(**told)
        except (FileNotFoundError, NotADirectoryError):
            raise InvalidRequest(f"{directory} is no backup.", hint=hint) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidRequest(f"{directory / NAME} cannot be read.", hint=hint) from None
        raise InvalidRequest(
            f"{directory} is a backup of another form than this program knows.",
            hint="Restore it with the program that made it, or a newer one.",
        )

    def text(self) -> str:
        """As the file has it."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=1) + "\n"
