"""Settings from imagewright.toml."""

import stat
from pathlib import Path

from imagewright.adapters.toml.document import (
    OPEN_TO_CHANGE,
    OPEN_TO_READ,
    Document,
    KeyPath,
    key_name,
    read_document,
)
from imagewright.adapters.toml.findings import Table, nearest
from imagewright.core.flaw import Misconfigured
from imagewright.settings import names
from imagewright.settings.environment import Given, Layer, Surroundings, read_secret


def table_layer(around: Surroundings, path: Path) -> Layer:
    """What the file sets; its own and its neighbours' paths are taken from its directory."""
    try:
        document, _ = read_document(path, OPEN_TO_CHANGE)
    except Misconfigured as error:
        around.lost(error)
        return {}
    return _Table(around, document).layer()


class _Table:
    def __init__(self, around: Surroundings, document: Document) -> None:
        self._around = around
        self._document = document
        self._base = document.path.absolute().parent
        self._layer: Layer = {}

    def layer(self) -> Layer:
        self._section((), self._document.table)
        return self._layer

    def _section(self, above: KeyPath, table: Table) -> None:
        for name, value in table.items():
            path = (*above, name)
            if path == ("providers",):
                self._providers(value)
            elif names.section(path) is not None:
                self._section(path, self._table(path, value))
            elif names.leaf(path) is not None or names.secret_of(path) is not None:
                self._leaf(path, value)
            else:
                model = names.section(above)
                known = set(model.model_fields) if model else set()
                self._fault(path, "This key means nothing here.", nearest(name, known))

    def _providers(self, value: object) -> None:
        for name, inner in self._table(("providers",), value).items():
            for key, each in self._table(("providers", name), inner).items():
                self._leaf(("providers", name, key), each)
            if not inner:
                self._leaf(("providers", name, "kind"), name)

    def _leaf(self, path: KeyPath, value: object) -> None:
        place = self._document.place(path)
        leaf = names.leaf(path)
        secret = names.secret_of(path)
        if secret is not None:
            if secret in self._layer:
                self._fault(path, "The secret and its file are both set.")
            located = self._around.located(value, self._base)
            if isinstance(located, str) and located:
                value = read_secret(self._around, key_name(secret), Path(located), place)
                self._layer[secret] = Given(value, place)
            else:
                self._fault(path, "This must be a path in double quotes.")
            return
        if path in self._layer:
            self._fault(path, "The secret and its file are both set.")
        if leaf is not None and leaf.secret:
            self._private(path)
        if leaf is not None and leaf.path:
            value = self._around.located(value, self._base)
        self._layer[path] = Given(value, place)

    def _private(self, path: KeyPath) -> None:
        mode = stat.S_IMODE(self._document.path.stat().st_mode)
        if mode & OPEN_TO_READ:
            self._fault(
                path,
                f"A secret stands in a file whose mode {mode:04o} opens it to others.",
                f"Do: chmod 0640 {self._document.path}, or set {path[-1]}_file",
            )

    def _table(self, path: KeyPath, value: object) -> Table:
        if isinstance(value, dict):
            return value
        self._fault(path, "This must be a table.", f"Write [{key_name(path)}].")
        return {}

    def _fault(self, path: KeyPath, sentence: str, hint: str = "") -> None:
        self._around.fault(self._document.place(path), key_name(path), sentence, hint)
