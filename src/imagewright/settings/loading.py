"""Puts every source together and says everything that is wrong with them."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from imagewright.adapters.toml.document import KeyPath, key_name
from imagewright.adapters.toml.findings import nearest
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.settings import names
from imagewright.settings.checks import Clash, clashes
from imagewright.settings.environment import (
    DEFAULT,
    Given,
    Surroundings,
    credential_layer,
    read_variables,
    state_layer,
    variable_layer,
)
from imagewright.settings.sections import Settings
from imagewright.settings.sources import File, Keyed, Placed
from imagewright.settings.units import Unfit

DEFAULT_FILE = Path("/etc/imagewright/imagewright.toml")
_SENTENCES = {
    "int_parsing": "This must be a whole number.",
    "int_type": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "int_parsing_size": "This number is too large.",
    "bool_parsing": "This must be true or false.",
    "bool_type": "This must be true or false.",
    "string_type": "This must be a text in double quotes.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than_equal": "This must be at most {le}.",
    "string_too_long": "This may have at most {max_length} characters.",
    "literal_error": "This must be one of {expected}.",
    "enum": "This must be one of {expected}.",
    "tuple_type": "This must be a list.",
    "dict_type": "This must be a table.",
    "missing": "There is no home directory for it.",
}

Check = Callable[[Settings], Iterable[Clash]]
"""What else is wrong with good settings."""


class SettingsFault(Misconfigured):
    """The settings cannot be used; `flaws` names every reason and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Good settings, where each that is not a default came from, and what to be warned of."""

    settings: Settings
    origins: Mapping[KeyPath, str]
    warnings: tuple[Flaw, ...] = ()


def load(
    *,
    config: Path | None = None,
    env_file: Path | None = None,
    explicit: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    check: Check | None = None,
) -> Loaded:
    """The settings in force.

    `explicit` has dotted keys, and None is not given; `environ` None is the process's own.
    Explicit settings win over the environment, then `env_file`, then credentials, then the TOML
    file, then defaults. What `check` finds is reported too. Raises SettingsFault.
    """
    around = Surroundings.of_process() if environ is None else Surroundings(environ)
    given = {
        tuple(key.split(".")): Given(value, "command line")
        for key, value in (explicit or {}).items()
        if value is not None
    }
    settings, origins = _read(around, (Keyed(around, given), *_sources(around, config, env_file)))
    if settings is not None and not around.unread:
        _check(around, chain(clashes(settings), check(settings) if check else ()), origins)
    flaws = tuple(dict.fromkeys(around.flaws))
    if settings is None or any(not flaw.warning for flaw in flaws):
        raise SettingsFault(flaws)
    return Loaded(settings=settings, origins=MappingProxyType(origins), warnings=flaws)


def load_bare(
    config: Path | None = None,
    env_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings as they are written, for a process that has no credentials.

    Whether they may be together is for the service to say, which has. Raises SettingsFault.
    """
    around = Surroundings.of_process() if environ is None else Surroundings(environ)
    settings, _ = _read(around, _sources(around, config, env_file))
    flaws = tuple(dict.fromkeys(each for each in around.flaws if not each.warning))
    if settings is None or flaws:
        raise SettingsFault(flaws)
    return settings


def _read(
    around: Surroundings, sources: tuple[Placed, ...]
) -> tuple[Settings | None, Mapping[KeyPath, str]]:
    origins = {path: place for source in reversed(sources) for path, place in source.places.items()}
    return _validated(around, sources, origins), origins


def _sources(
    around: Surroundings, config: Path | None, env_file: Path | None
) -> tuple[Placed, ...]:
    """What is read, the first winning."""
    variables = read_variables(around, env_file)
    path = _config_file(config, variables)
    file = (File(around, path),) if path else ()
    below = (Keyed(around, credential_layer(around)), *file)
    providers = {
        key[1] for each in below for key in each.places if key[1:] and key[0] == "providers"
    }
    layer = variable_layer(around, variables, providers)
    return (Keyed(around, layer), *below, Keyed(around, state_layer(around)))


def _config_file(config: Path | None, given: Mapping[str, Given]) -> Path | None:
    if config is not None:
        return config
    if names.CONFIG in given:
        return Path(str(given[names.CONFIG].value))
    try:
        # If it stands there and is kept from us, reading it says so.
        with suppress(PermissionError):
            DEFAULT_FILE.lstat()
    except OSError:
        return None
    return DEFAULT_FILE


def _validated(
    around: Surroundings, sources: tuple[Placed, ...], origins: Mapping[KeyPath, str]
) -> Settings | None:
    """The settings, with defaults for those that are wrong."""
    try:
        return Settings.model_validate({"_sources": sources})
    except ValidationError as error:
        rank = {path: number for number, path in enumerate(origins)}
        found = [
            (_owner(each["loc"], origins), each)
            for each in error.errors(include_url=False, include_input=False)
        ]
        for path, each in sorted(found, key=lambda one: rank.get(one[0], len(rank))):
            sentence, hint = _words(path, each)
            around.fault(_place(path, origins), key_name(path), sentence, hint)
            around.faulted.add(path)
    spare = {"state": "/"} if ("state",) in around.faulted else {}
    try:
        return Settings.model_validate({"_sources": sources, **spare})
    except ValidationError:
        return None


def _owner(loc: tuple[int | str, ...], origins: Mapping[KeyPath, str]) -> KeyPath:
    path = tuple(str(part) for part in loc if part != "[key]")
    ends = (end for end in range(len(path), 1, -1) if path[:end] in origins)
    return path[: next(ends, len(path))]


def _place(path: KeyPath, origins: Mapping[KeyPath, str]) -> str:
    """Where a key stands, or else something in it, or else what it is in."""
    inner = (place for key, place in origins.items() if key[: len(path)] == path)
    outer = (origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins)
    return next(inner, next(outer, DEFAULT))


def _words(path: KeyPath, error: ErrorDetails) -> tuple[str, str]:
    context = error.get("ctx", {})
    if isinstance(cause := context.get("error"), Unfit):
        return cause.sentence, cause.hint
    if error["type"] == "extra_forbidden":
        known = names.tables()[path[:-1]].model_fields
        return "This key means nothing here.", nearest(path[-1], known)
    sentence = _SENTENCES.get(error["type"], "This value does not fit here.")
    return sentence.format(**context), "Set it." if error["type"] == "missing" else ""


def _check(around: Surroundings, found: Iterable[Clash], origins: Mapping[KeyPath, str]) -> None:
    for each in found:
        if around.faulted.isdisjoint(each.paths):
            around.flaws.append(
                Flaw(
                    place=each.place or _place(each.paths[0], origins),
                    key=each.key or key_name(each.paths[0]),
                    sentence=each.sentence,
                    hint=each.hint,
                    warning=each.warning,
                )
            )
