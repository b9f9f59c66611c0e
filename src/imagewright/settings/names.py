"""The keys of all settings, as the file and as the environment spell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from pydantic import SecretStr

from imagewright.adapters.toml.document import KeyPath
from imagewright.settings.sections import Section, Settings

PREFIX = "IMAGEWRIGHT_"
CONFIG = "IMAGEWRIGHT_CONFIG"
"""Names the configuration file; not a setting itself."""
SHORT = MappingProxyType(
    {
        "IMAGEWRIGHT_TOKEN": "IMAGEWRIGHT_AUTH__TOKEN",
        "IMAGEWRIGHT_TOKEN_FILE": "IMAGEWRIGHT_AUTH__TOKEN_FILE",
        "IMAGEWRIGHT_TOKEN_SUBJECT": "IMAGEWRIGHT_AUTH__TOKEN_SUBJECT",
    }
)
"""Short names of variables, and the names they stand for."""
CREDENTIALS: Mapping[str, KeyPath] = MappingProxyType(
    {"token": ("auth", "token"), "database-url": ("database", "url")}
)
"""systemd credentials, beside provider-<name>-key."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A setting: whether it is a secret, and whether it is a path."""

    secret: bool = False
    path: bool = False


@cache
def leaves() -> Mapping[KeyPath, Leaf]:
    """Every setting outside [providers]."""
    return MappingProxyType(dict(_walk(Settings, ())))


def leaf(path: KeyPath) -> Leaf | None:
    """The setting at a path, or None if there is none; an adapter's own keys count as settings."""
    if len(path) == _PROVIDER_DEPTH and path[0] == "providers":
        return Leaf(secret=path[2] == "api_key")
    return leaves().get(path)


_PROVIDER_DEPTH = 3


def section(path: KeyPath) -> type[Section] | None:
    """The section at a path of the file."""
    model: type[Section] = Settings
    for part in path:
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, Section)):
            return None
        model = inner
    return model


def variable(path: KeyPath) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(part.upper().replace("-", "_") for part in path)


@cache
def variables() -> frozenset[str]:
    """Every variable that has a meaning, but those of providers."""
    names = {variable(path) for path in leaves()}
    names |= {f"{variable(path)}_FILE" for path, each in leaves().items() if each.secret}
    return frozenset({*names, *SHORT, CONFIG})


def secret_of(path: KeyPath) -> KeyPath | None:
    """The secret that a `…_file` key names a file for."""
    if not path or not path[-1].endswith("_file"):
        return None
    bare = (*path[:-1], path[-1].removesuffix("_file"))
    found = leaf(bare)
    return bare if found is not None and found.secret else None


def _walk(model: type[Section], above: KeyPath) -> list[tuple[KeyPath, Leaf]]:
    found = []
    for name, field in model.model_fields.items():
        path, kind = (*above, name), field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found += _walk(kind, path)
        elif name != "providers":
            kinds = {kind, *get_args(kind)}
            kinds |= {inner for each in get_args(kind) for inner in get_args(each)}
            found.append((path, Leaf(secret=SecretStr in kinds, path=Path in kinds)))
    return found
