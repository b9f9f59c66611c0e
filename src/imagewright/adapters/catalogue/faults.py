"""What is wrong with a catalogue: everything at once, each with its place."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFault:
    """One wrong entry. `model` is empty for what concerns the whole file."""

    file: str
    model: str
    key: str
    what: str

    def __str__(self) -> str:
        where = f"models.{self.model}." if self.model else ""
        return f"{self.file}: {where}{self.key}: {self.what}"


class CatalogueError(Exception):
    """A catalogue that cannot be used; `faults` is never empty."""

    def __init__(self, faults: Iterable[CatalogueFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
