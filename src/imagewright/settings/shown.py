"""The settings in force, as text that holds no secret."""

from collections.abc import Iterator, Mapping

import tomli_w
from pydantic import BaseModel, SecretStr

from imagewright.adapters.toml.document import KeyPath, key_name
from imagewright.settings.environment import DEFAULT
from imagewright.settings.loading import Loaded

REDACTED = "********"


def as_table(loaded: Loaded) -> dict[str, object]:
    """Settings as plain values, secrets as asterisks, what is not set as None."""
    return {name: _plain(value) for name, value in loaded.settings}


def as_origins(loaded: Loaded) -> dict[str, str]:
    """Where each setting that is not a default came from, by key."""
    return {key_name(path): place for path, place in loaded.origins.items() if place != DEFAULT}


def as_toml(loaded: Loaded) -> str:
    """imagewright.toml with every setting in force, and behind each where it came from."""
    return "\n".join(_lines((), as_table(loaded), loaded.origins)) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return REDACTED
    if isinstance(value, BaseModel):
        return {name: _plain(each) for name, each in value}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _lines(
    above: KeyPath, table: Mapping[str, object], origins: Mapping[KeyPath, str]
) -> Iterator[str]:
    inner: dict[KeyPath, list[dict[str, object]]] = {}
    for key, value in table.items():
        path = (*above, key)
        if value is None:
            yield f"# {key_name((key,))} is not set"
        elif isinstance(value, dict):
            inner[path] = [value]
        elif tables := _tables(value):
            inner[path] = tables
        else:
            place = " ".join(origins.get(path, DEFAULT).split())
            behind = "" if place == DEFAULT else f"  # {place}"
            yield tomli_w.dumps({key: value}).rstrip("\n") + behind
    for path, tables in inner.items():
        header = f"[{key_name(path)}]"
        for each in tables:
            yield "\n" + (header if isinstance(table[path[-1]], dict) else f"[{header}]")
            yield from _lines(path, each, origins)


def _tables(value: object) -> list[dict[str, object]]:
    """The items of a list that holds nothing but tables, else nothing."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return []
    return list(value)
