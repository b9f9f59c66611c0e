"""A file whose last good reading stays in force, as long as there is a file."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from imagewright.adapters.toml.document import Document, Stamp, parse_document, read_bytes
from imagewright.core.flaw import Flaw, Misconfigured

Value = TypeVar("Value")
Tell = Callable[[Flaw], None]
"""Writes one flaw to the operator's log."""
Parse = Callable[[Document], tuple[Value, tuple[Flaw, ...]]]
"""Gives the value and the warnings. Raises Misconfigured."""

_GONE = "The file is gone: whoever it named is nobody until it is there again."


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """Which file, and the mode bits that it may not have."""

    path: Path
    refused: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Which file is in force, and the SHA-256 of its text."""

    file: str
    sha256: str


class Watched(Generic[Value]):
    """Read whole at the start, and again when its stamp changed.

    A bad reading changes nothing. A file that is gone is `absent` from the next look on: to
    remove it is to revoke everything in it.
    """

    def __init__(self, file: WatchedFile, parse: Parse[Value], absent: Value, tell: Tell) -> None:
        """Reads the file. Raises Misconfigured with every flaw."""
        self._file = file
        self._parse = parse
        self._absent = absent
        self._tell = tell
        self._lock = Lock()
        self._flaws: tuple[Flaw, ...] = ()
        self._settled = False
        self._data, stamp = read_bytes(file.path, file.refused)
        self._stamp: Stamp | None = stamp
        self._reading: Reading | None = None
        self._value = self._parsed()

    def current(self) -> Value:
        """The last good value, or `absent`."""
        return self._value

    def reading(self) -> Reading | None:
        """What the value was read from, or None while the file is gone."""
        return self._reading

    def flaws(self) -> tuple[Flaw, ...]:
        """Why the file as it stands now is not in force; none where it is."""
        return self._flaws

    def refresh(self, *, force: bool = False) -> bool:
        """Read again if the file changed, or was asked for; True if a new value is in force.

        Flaws are told once for each change of the file.
        """
        # A signal and the clock may ask at once; the older reading must not come out last.
        with self._lock:
            try:
                stamp = Stamp.of(self._file.path.stat())
            except (FileNotFoundError, NotADirectoryError):
                return self._be_absent()
            except OSError:
                stamp = None
            if force or stamp != self._stamp:
                return self._take_up(stamp)
            return not self._settled and self._look_again()

    def _look_again(self) -> bool:
        """Once after each change: two writings within a tick of the clock have one stamp."""
        self._settled = True
        try:
            data, _ = read_bytes(self._file.path, self._file.refused)
        except Misconfigured:
            return False
        return data != self._data and self._take_up(self._stamp)

    def _take_up(self, stamp: Stamp | None) -> bool:
        self._data, self._stamp, self._settled = b"", stamp, True
        try:
            self._data, self._stamp = read_bytes(self._file.path, self._file.refused)
            self._settled = False
            self._value = self._parsed()
        except Misconfigured as error:
            self._flaws = error.flaws
            for flaw in error.flaws:
                self._tell(flaw)
            return False
        self._flaws = ()
        return True

    def _be_absent(self) -> bool:
        if self._stamp is None and self._value is self._absent:
            return False
        self._stamp, self._value, self._reading = None, self._absent, None
        self._flaws = (Flaw(place=str(self._file.path), key="", sentence=_GONE),)
        self._tell(self._flaws[0])
        return True

    def _parsed(self) -> Value:
        value, warnings = self._parse(parse_document(self._file.path, self._data))
        for flaw in warnings:
            self._tell(flaw)
        digest = hashlib.sha256(self._data).hexdigest()
        self._reading = Reading(self._file.path.name, digest)
        return value
