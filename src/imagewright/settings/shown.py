"""The settings in force, as text that holds no secret."""

from collections.abc import Iterator, Mapping

import tomli_w
from pydantic import BaseModel, SecretStr

from imagewright.adapters.toml.document import KeyPath, key_name
from imagewright.settings.loading import DEFAULT, Loaded

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
    if above:
        yield f"\n[{key_name(above)}]"
    inner: dict[KeyPath, dict[str, object]] = {}
    tables: dict[KeyPath, object] = {}
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict):
            inner[path] = value
        elif _is_tables(value):
            tables[path] = value
        elif value is None:
            yield f"# {key_name((key,))} is not set"
        else:
            place = " ".join(origins.get(path, DEFAULT).split())
            behind = "" if place == DEFAULT else f"  # {place}"
            yield tomli_w.dumps({key: value}).rstrip("\n") + behind
    for path, listed in tables.items():
        yield "\n" + tomli_w.dumps(_within(path, listed)).rstrip("\n")
    for path, each in inner.items():
        yield from _lines(path, each, origins)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def _within(path: KeyPath, value: object) -> dict[str, object]:
    table: dict[str, object] = {path[-1]: value}
    for part in reversed(path[:-1]):
        table = {part: table}
    return table
