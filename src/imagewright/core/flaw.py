"""What is wrong with the operator's files and environment, all of it said at once."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing to mend: where it stands, under which key, what is wrong and what to do.

    `place` is a file with its line, or an environment variable. None of the texts holds a value
    that may be secret. A `warning` stops nothing.
    """

    place: str
    key: str
    sentence: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        """One line: place, key, sentence and hint."""
        where = ": ".join(part for part in (self.place, self.key) if part)
        said = f"{where}: {self.sentence}" if where else self.sentence
        said = f"warning: {said}" if self.warning else said
        return f"{said} {self.hint}" if self.hint else said


class Misconfigured(Exception):
    """The operator's configuration cannot be used; `flaws` names every reason."""

    def __init__(self, flaws: Iterable[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("\n".join(str(flaw) for flaw in self.flaws))
