"""The ACL that stands in a file."""

from dataclasses import dataclass
from pathlib import Path

from imagewright.adapters.acl.reader import Known, read_acl
from imagewright.adapters.toml.document import OPEN_TO_CHANGE
from imagewright.adapters.toml.watched import Reading, Tell, Watched
from imagewright.core.policy import Acl


@dataclass(frozen=True, slots=True, kw_only=True)
class AclFileConfig:
    """Which file, whether everything stays read-only, and the names that it may use."""

    path: Path
    read_only: bool
    known: Known


class AclFile:
    """Implements `ports.acl.AclSource`."""

    def __init__(self, config: AclFileConfig, tell: Tell) -> None:
        """Reads the file; warnings go to `tell`. Raises Misconfigured with every flaw."""
        self._watched = Watched(
            config.path,
            OPEN_TO_CHANGE,
            lambda document: read_acl(document, config.known, read_only=config.read_only),
            tell,
        )

    def current(self) -> Acl:
        return self._watched.current()

    def reading(self) -> Reading:
        """What is in force."""
        return self._watched.reading()

    def refresh(self, *, force: bool = False) -> bool:
        """Take up a changed file, or any with `force`; a bad one is told of and changes nothing."""
        return self._watched.refresh(force=force)
