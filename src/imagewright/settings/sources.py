"""The library's sources, which also know where each value stands."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr
from pydantic_settings import (
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from imagewright.adapters.toml.document import (
    OPEN_TO_CHANGE,
    OPEN_TO_READ,
    KeyPath,
    key_name,
    read_document,
)
from imagewright.adapters.toml.findings import Table
from imagewright.core.flaw import Misconfigured
from imagewright.settings import names
from imagewright.settings.environment import Given, Layer, Surroundings
from imagewright.settings.sections import Settings


class Placed(PydanticBaseSettingsSource):
    """Leaves out what `around` knows as faulted, so that the rest can still be validated."""

    around: Surroundings
    places: dict[KeyPath, str]

    def __call__(self) -> dict[str, Any]:
        """What the source says, in the tables of the file."""
        return self._kept((), super().__call__())  # type: ignore[safe-super]  # mixed into sources

    def _kept(self, above: KeyPath, table: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._kept(path, value) if isinstance(value, dict) else value
            for name, value in table.items()
            if (path := (*above, name)) not in self.around.faulted
        }


class Keyed(Placed, EnvSettingsSource):
    """Values that variables, credentials or arguments gave; the library puts them in tables."""

    def __init__(self, around: Surroundings, layer: Layer) -> None:
        super().__init__(Settings, env_nested_delimiter=".")
        self.around = around
        self.places = {path: given.place for path, given in layer.items()}
        values = {".".join(path): given.value for path, given in layer.items()}
        self.env_vars = cast("Mapping[str, str]", values)

    def decode_complex_value(self, *given: object, **named: object) -> object:
        """As it is: a key of digits in an adapter's own option is no number, and stays hidden."""
        return named["value"] if "value" in named else given[-1]


class File(Placed, TomlConfigSettingsSource):
    """imagewright.toml; its own and its neighbours' paths are taken from its directory."""

    def __init__(self, around: Surroundings, path: Path) -> None:
        self.around = around
        self.places = {}
        self._path: Path = path
        # The library is not told of the file: it would look for it itself, and raise where the
        # directory is closed to this user.
        super().__init__(Settings, None)

    def _read_files(self, *_: object, **__: object) -> dict[str, Any]:
        # The library passes over a file that is missing, and raises at one that is no TOML.
        try:
            self._document = read_document(self._path, OPEN_TO_CHANGE)[0]
        except Misconfigured as error:
            self.around.lost(error)
            return {}
        return self._table((), self._document.table)

    def _table(self, above: KeyPath, table: Table) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in table.items():
            path = (*above, name)
            place = self.places[path] = self._document.place(path)
            if not names.is_table(path):
                self._private(path, value)
                given = Given(value, place)
                key, read = self.around.read(path, given, self._path.absolute().parent)
                self.places[key] = place
                found[key[-1]] = read
                if key != path and key[-1] in table:
                    self._fault(path, "The secret and its file are both set.")
            elif isinstance(value, dict):
                found[name] = self._table(path, value)
            else:
                self._fault(path, "This must be a table.", f"Write [{key_name(path)}].")
        return found

    def _private(self, path: KeyPath, value: object) -> None:
        mode = stat.S_IMODE(self._path.stat().st_mode)
        secret = path[-1] if SecretStr in names.leaf(path) else _secret_in(value, path)
        if secret and mode & OPEN_TO_READ:
            self._fault(
                path,
                f"A secret stands in a file whose mode {mode:04o} opens it to others.",
                f"Do: chmod 0640 {self._path}, or set {secret}_file",
            )

    def _fault(self, path: KeyPath, sentence: str, hint: str = "") -> None:
        self.around.fault(self.places[path], key_name(path), sentence, hint)


def _secret_in(value: object, path: KeyPath) -> str:
    """The name of a secret in an issuer's table, which is one setting with all that is in it."""
    if path != ("auth", "issuers") or not isinstance(value, Mapping):
        return ""
    tables = [each.get("introspection") for each in value.values() if isinstance(each, Mapping)]
    found = any(isinstance(each, Mapping) and "client_secret" in each for each in tables)
    return "client_secret" if found else ""
