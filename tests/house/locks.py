"""What the locks in packaging/ pin, read for the checks of the house."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).resolve().parents[2]
SETS = ("", "-build", "-dev", "-extras", "-relay", "-release")


@dataclass(frozen=True)
class Pin:
    """One pinned package: its name, its line without hashes, and the hashes."""

    name: str
    line: str
    hashes: tuple[str, ...]

    @property
    def applies(self) -> bool:
        """Whether this platform and Python install it."""
        marker = Requirement(self.line).marker
        return marker is None or marker.evaluate()


def path(name: str) -> Path:
    """Where the lock of that set stands: "" is what the service needs."""
    return TOP / "packaging" / f"requirements{name}.txt"


def pins(name: str) -> dict[str, Pin]:
    """The lock of one set by canonical package name."""
    logical = path(name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found = [_pin(line) for line in logical if line.strip()]
    return {pin.name: pin for pin in found}


def _pin(line: str) -> Pin:
    hashes = tuple(re.findall(r"--hash=(\S+)", line))
    bare = line.split("--hash=", maxsplit=1)[0].strip()
    return Pin(canonicalize_name(Requirement(bare).name), bare, hashes)
