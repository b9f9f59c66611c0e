"""The ACL that stands in a file."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from imagewright.adapters.acl.reader import Known, read_acl
from imagewright.adapters.toml.document import OPEN_TO_CHANGE
from imagewright.adapters.toml.watched import Tell, Watched, WatchedFile
from imagewright.core.flaw import Flaw
from imagewright.core.policy import Acl


@dataclass(frozen=True, slots=True, kw_only=True)
class AclFileConfig:
    """Which file, whether everything stays read-only, the names that it may use, and the day."""

    path: Path
    read_only: bool
    known: Known
    today: Callable[[], date] | None = None


class AclFile:
    """Implements `ports.acl.AclSource`. Without its file it names nobody."""

    part = "acl"

    def __init__(self, config: AclFileConfig, tell: Tell) -> None:
        """Reads the file; warnings go to `tell`. Raises Misconfigured with every flaw."""
        self._watched = Watched(
            WatchedFile(config.path, OPEN_TO_CHANGE),
            lambda document: read_acl(
                document,
                config.known,
                read_only=config.read_only,
                today=config.today() if config.today else None,
            ),
            Acl(read_only=config.read_only),
            tell,
        )

    def current(self) -> Acl:
        return self._watched.current()

    def refresh(self, *, force: bool = False) -> bool:
        """Take up a changed file, or any with `force`; a bad one is told of and changes nothing."""
        return self._watched.refresh(force=force)

    def flaws(self) -> tuple[Flaw, ...]:
        """Why the file as it stands now is not in force; none where it is."""
        return self._watched.flaws()
