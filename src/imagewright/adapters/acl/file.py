"""The ACL that stands in a file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from imagewright.adapters.acl.reader import Known, read_acl
from imagewright.adapters.toml.document import OPEN_TO_CHANGE, Document, KeyPath
from imagewright.adapters.toml.findings import Findings
from imagewright.adapters.toml.watched import Reading, Tell, Watched, WatchedFile
from imagewright.core.flaw import Flaw
from imagewright.core.policy import Acl


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why an ACL must not come into force, for reasons that stand elsewhere."""

    path: KeyPath
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AclFileConfig:
    """Which file, whether everything stays read-only, the names it may use, the day, who objects.

    What `object_to` finds refuses a reading like a fault of its own.
    """

    path: Path
    read_only: bool
    known: Known
    today: Callable[[], date] | None = None
    object_to: Callable[[Acl], Iterable[Objection]] = lambda _: ()


class AclFile:
    """Implements `ports.acl.AclSource`. Without its file it names nobody."""

    part = "acl"

    def __init__(self, config: AclFileConfig, tell: Tell) -> None:
        """Reads the file; warnings go to `tell`. Raises Misconfigured with every flaw."""
        self._watched = Watched(
            WatchedFile(config.path, OPEN_TO_CHANGE),
            lambda document: read_whole(document, config),
            Acl(read_only=config.read_only),
            tell,
        )

    def current(self) -> Acl:
        return self._watched.current()

    def reading(self) -> Reading | None:
        """What is in force, or None while the file is gone."""
        return self._watched.reading()

    def refresh(self, *, force: bool = False) -> bool:
        """Take up a changed file, or any with `force`; a bad one is told of and changes nothing."""
        return self._watched.refresh(force=force)

    def flaws(self) -> tuple[Flaw, ...]:
        """Why the file as it stands now is not in force; none where it is."""
        return self._watched.flaws()


def read_whole(document: Document, config: AclFileConfig) -> tuple[Acl, tuple[Flaw, ...]]:
    """The ACL and its warnings, as it may come into force. Raises Misconfigured."""
    today = config.today() if config.today else None
    acl, warnings = read_acl(document, config.known, read_only=config.read_only, today=today)
    found = Findings(document)
    for each in config.object_to(acl):
        found.fault(each.path, each.sentence, each.hint)
    return acl, (*warnings, *found.close())
