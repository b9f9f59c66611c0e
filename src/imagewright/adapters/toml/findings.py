"""Reads values out of a document and gathers everything that is wrong with them."""

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import TypeVar

from imagewright.adapters.toml.document import Document, KeyPath, key_name
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw, Misconfigured

Given = TypeVar("Given")
Read = TypeVar("Read")
Table = Mapping[str, object]


def nearest(name: str, known: Collection[str]) -> str:
    """A hint with the known name that is most like this one, or with all of a few."""
    if close := get_close_matches(name, sorted(known), n=1, cutoff=0.6):
        return f"Did you mean {close[0]}?"
    if 0 < len(known) <= _FEW:
        return f"Known here: {', '.join(sorted(known))}."
    return ""


_FEW = 12


class Findings:
    """The flaws of one document. A key that must not be shown is named by `mask` in its stead."""

    def __init__(
        self, document: Document, mask: Callable[[KeyPath], KeyPath] | None = None
    ) -> None:
        self.document = document
        self._mask = mask or (lambda path: path)
        self._flaws: list[Flaw] = []

    def fault(self, path: KeyPath, sentence: str, hint: str = "") -> None:
        self._add(path, sentence, hint, warning=False)

    def warn(self, path: KeyPath, sentence: str, hint: str = "") -> None:
        self._add(path, sentence, hint, warning=True)

    def close(self) -> tuple[Flaw, ...]:
        """The warnings, if there is nothing worse. Else raises Misconfigured with all flaws."""
        if any(not flaw.warning for flaw in self._flaws):
            raise Misconfigured(self._flaws)
        return tuple(self._flaws)

    def table(self, path: KeyPath, value: object) -> Table:
        """The value if it is a table, else an empty one and a fault."""
        if isinstance(value, dict):
            return value
        self.fault(path, "This must be a table.", f"Write [{key_name(self._mask(path))}].")
        return {}

    def unknown(self, path: KeyPath, table: Table, known: Collection[str]) -> None:
        """A fault for each key that means nothing here."""
        for key in table:
            if key not in known:
                self.fault((*path, key), "This key means nothing here.", nearest(key, known))

    def text(self, path: KeyPath, value: object, hint: str = "") -> str | None:
        """The value if it is a text, else None and a fault."""
        if isinstance(value, str):
            return value
        self.fault(path, "This must be a text in double quotes.", hint)
        return None

    def texts(self, path: KeyPath, value: object) -> tuple[str, ...]:
        """The value if it is a list of texts that are not blank, else what is one of it."""
        if not isinstance(value, list):
            self.fault(path, "This must be a list of texts.", 'Write it like ["one", "two"].')
            return ()
        good = tuple(item for item in value if isinstance(item, str) and item.strip())
        if len(good) != len(value):
            self.fault(path, "The list holds something that is no text, or is blank.")
        return good

    def parsed(self, path: KeyPath, parse: Callable[[Given], Read], given: Given) -> Read | None:
        """What `parse` makes of the given, or None and a fault with the InvalidRequest's words."""
        try:
            return parse(given)
        except InvalidRequest as error:
            self.fault(path, error.sentence, error.hint)
            return None

    def _add(self, path: KeyPath, sentence: str, hint: str, *, warning: bool) -> None:
        flaw = Flaw(
            place=self.document.place(path),
            key=key_name(self._mask(path)),
            sentence=sentence,
            hint=hint,
            warning=warning,
        )
        self._flaws.append(flaw)
