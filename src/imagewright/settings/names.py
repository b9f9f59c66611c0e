"""The keys of all settings, as the file and as the environment spell them."""

import re
from collections.abc import Collection, Mapping
from functools import cache
from types import MappingProxyType
from typing import get_args

from pydantic import BaseModel, SecretStr

from imagewright.adapters.toml.document import KeyPath
from imagewright.settings.sections import Settings

PREFIX = "IMAGEWRIGHT_"
CONFIG = "IMAGEWRIGHT_CONFIG"
"""Names the configuration file; not a setting itself."""
SHORT = MappingProxyType(
    {
        f"{PREFIX}{name}": f"{PREFIX}AUTH__{name}"
        for name in ("TOKEN", "TOKEN_FILE", "TOKEN_SUBJECT")
    }
)
"""Short names of variables, and the names they stand for."""
_CREDENTIALS = {
    "token": ("auth", "token"),
    "database-url": ("database", "url"),
    "sign-in-client-secret": ("sign_in", "client_secret"),
    "webhook-url": ("webhook", "url"),
    "webhook-secret": ("webhook", "secret"),
}
_PROVIDER_KEY = re.compile(r"provider-([a-z][a-z0-9_-]*)-key\Z")
_PROVIDER_DEPTH = 3


@cache
def tables() -> Mapping[KeyPath, type[BaseModel]]:
    """Every table of the file outside [providers], the whole among them."""
    found: dict[KeyPath, type[BaseModel]] = {(): Settings}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name,] = field.annotation
    return MappingProxyType(found)


@cache
def leaves() -> Mapping[KeyPath, frozenset[object]]:
    """Every setting outside [providers], and the types it has: SecretStr and Path among them."""
    found = {
        (*above, name): frozenset(_kinds(field.annotation))
        for above, model in tables().items()
        for name, field in model.model_fields.items()
    }
    return MappingProxyType({path: kinds for path, kinds in found.items() if not is_table(path)})


def is_table(path: KeyPath) -> bool:
    """Whether settings stand below a path, and not a setting at it."""
    return path in tables() or (path[:1] == ("providers",) and len(path) < _PROVIDER_DEPTH)


def leaf(path: KeyPath) -> frozenset[object]:
    """The types of a setting, none if there is no such; an adapter's own keys count as settings."""
    if len(path) == _PROVIDER_DEPTH and path[0] == "providers":
        return frozenset({SecretStr if path[2] == "api_key" else object})
    return leaves().get(path, frozenset())


def secret_of(path: KeyPath) -> KeyPath | None:
    """The secret that a `…_file` key names a file for."""
    bare = (*path[:-1], path[-1].removesuffix("_file"))
    return bare if bare != path and SecretStr in leaf(bare) else None


def variable(path: KeyPath) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(part.upper().replace("-", "_") for part in path)


@cache
def variables() -> frozenset[str]:
    """Every variable that has a meaning, but those of providers."""
    found = {variable(path) for path in leaves()}
    found |= {f"{variable(path)}_FILE" for path, each in leaves().items() if SecretStr in each}
    return frozenset({*found, *SHORT, CONFIG})


def key_of(variable: str, providers: Collection[str]) -> KeyPath:
    """The key that a variable sets, empty for none.

    A variable cannot spell the dash in the name of one of the `providers`.
    """
    path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
    if not re.fullmatch(r"[A-Z0-9_]+", variable) or not all(path):
        return ()
    if not leaf(path) and secret_of(path) is None:
        return ()
    if path[0] == "providers" and path[1] not in providers:
        alike = [name for name in providers if name.replace("-", "_") == path[1]]
        return (path[0], alike[0], path[2]) if len(alike) == 1 else path
    return path


def key_of_credential(name: str) -> KeyPath:
    """The key that a systemd credential sets; empty for a file that is not ours."""
    if found := _PROVIDER_KEY.match(name):
        return ("providers", found[1], "api_key")
    return _CREDENTIALS.get(name, ())


def _kinds(annotation: object) -> set[object]:
    return {annotation}.union(*(_kinds(each) for each in get_args(annotation)))
