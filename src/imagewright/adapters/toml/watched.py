"""A file whose last good reading stays in force."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from imagewright.adapters.toml.document import Document, Stamp, read_document
from imagewright.core.flaw import Flaw, Misconfigured

Value = TypeVar("Value")
Tell = Callable[[Flaw], None]
"""Writes one flaw to the operator's log."""
Parse = Callable[[Document], tuple[Value, tuple[Flaw, ...]]]
"""Gives the value and the warnings. Raises Misconfigured."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Which file is in force, and the SHA-256 of its text."""

    file: str
    sha256: str


class Watched(Generic[Value]):
    """Read whole at the start, and again when its stamp changed; a bad reading changes nothing."""

    def __init__(self, path: Path, refused: int, parse: Parse[Value], tell: Tell) -> None:
        """Reads the file. Raises Misconfigured with every flaw."""
        self._path = path
        self._refused = refused
        self._parse = parse
        self._tell = tell
        self._stamp: Stamp | None = None
        self._value = self._read()

    def current(self) -> Value:
        """The last good value."""
        return self._value

    def reading(self) -> Reading:
        """What the value was read from."""
        return self._reading

    def refresh(self, *, force: bool = False) -> bool:
        """Read again if the file changed, or was asked for; True if a new value is in force.

        Called by one thread at a time. Flaws are told once for each change of the file.
        """
        stamp = self._look()
        if not force and stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._value = self._read()
        except Misconfigured as error:
            for flaw in error.flaws:
                self._tell(flaw)
            return False
        return True

    def _read(self) -> Value:
        document, stamp = read_document(self._path, self._refused)
        self._stamp = stamp
        value, warnings = self._parse(document)
        for flaw in warnings:
            self._tell(flaw)
        digest = hashlib.sha256(document.text.encode()).hexdigest()
        self._reading = Reading(self._path.name, digest)
        return value

    def _look(self) -> Stamp | None:
        try:
            return Stamp.of(self._path.stat())
        except OSError:
            return None
