"""Puts every source together and says everything that is wrong with them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from imagewright.adapters.toml.document import KeyPath, key_name
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.settings import names
from imagewright.settings.checks import clashes
from imagewright.settings.environment import (
    Given,
    Layer,
    Surroundings,
    credential_layer,
    read_variables,
    variable_layers,
)
from imagewright.settings.sections import Settings
from imagewright.settings.table import table_layer
from imagewright.settings.units import Unfit, has_credentials

DEFAULT_FILE = Path("/etc/imagewright/imagewright.toml")
DEFAULT = "default"
_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
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
    "tuple_type": "This must be a list.",
    "dict_type": "This must be a table.",
}

ProviderConfig = Callable[[str, Mapping[str, object]], object]
"""Makes an adapter's config of a kind and options, the section's name among them as `name`.

Raises Misconfigured with keys as the section has them.
"""


class SettingsFault(Misconfigured):
    """The settings cannot be used; `flaws` names every reason and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Good settings, where each that is not a default came from, and what to be warned of.

    `providers` holds what the `provider_config` made of each provider, by name.
    """

    settings: Settings
    origins: Mapping[KeyPath, str]
    warnings: tuple[Flaw, ...] = ()
    providers: Mapping[str, object] = field(default_factory=dict, repr=False)


def load(
    *,
    config: Path | None = None,
    env_file: Path | None = None,
    explicit: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    provider_config: ProviderConfig | None = None,
) -> Loaded:
    """The settings in force.

    `explicit` has dotted keys, and None is not given; `environ` None is the process's own.
    Explicit settings win over the environment, then `env_file`, then files and credentials that
    hold secrets, then the TOML file, then defaults. Raises SettingsFault.
    """
    around = Surroundings.of_process() if environ is None else Surroundings(environ)
    merged = _merged(around, config, env_file)
    for key, value in (explicit or {}).items():
        if value is not None:
            merged[tuple(key.split("."))] = Given(value, "command line")
    _check_providers(around, merged)
    settings, faulted = _validated(around, merged)
    origins = {path: given.place for path, given in merged.items()}
    if settings is not None and not around.unread:
        _check_together(around, settings, origins, faulted)
    made = _provider_configs(around, settings, provider_config, origins)
    flaws = tuple(dict.fromkeys(around.flaws))
    if settings is None or any(not flaw.warning for flaw in flaws):
        raise SettingsFault(flaws)
    return Loaded(
        settings=settings, origins=MappingProxyType(origins), warnings=flaws, providers=made
    )


def _merged(around: Surroundings, config: Path | None, env_file: Path | None) -> Layer:
    given = read_variables(around, env_file)
    values, secret_files = variable_layers(around, given)
    file = _config_file(config, given)
    below = _state_layer(around) | (table_layer(around, file) if file else {})
    below |= credential_layer(around)
    known = {path[1] for path in below if path[0] == "providers"}
    for layer in (secret_files, values):
        below |= {_with_known_name(path, known): each for path, each in layer.items()}
    return below


def _config_file(config: Path | None, given: Mapping[str, Given]) -> Path | None:
    if config is not None:
        return config
    if names.CONFIG in given:
        return Path(str(given[names.CONFIG].value))
    try:
        DEFAULT_FILE.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It stands there and is kept from us: reading it says so.
        return DEFAULT_FILE
    return DEFAULT_FILE


def _state_layer(around: Surroundings) -> Layer:
    environ = around.environ
    if directory := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return {("state",): Given(directory, "environment variable STATE_DIRECTORY")}
    if (home := environ.get("XDG_STATE_HOME", "")).startswith("/"):
        place = "environment variable XDG_STATE_HOME"
        return {("state",): Given(f"{home}/imagewright", place)}
    if (home := environ.get("HOME", "")).startswith("/"):
        return {("state",): Given(f"{home}/.local/state/imagewright", DEFAULT)}
    return {}


def _with_known_name(path: KeyPath, known: set[str]) -> KeyPath:
    """A variable cannot spell the dash that a provider's name may have."""
    if path[0] != "providers" or path[1] in known:
        return path
    alike = [name for name in known if name.replace("-", "_") == path[1]]
    return (path[0], alike[0], *path[2:]) if len(alike) == 1 else path


def _check_providers(around: Surroundings, merged: Layer) -> None:
    for path, given in list(merged.items()):
        if path[0] != "providers":
            continue
        key = key_name(path)
        if not _PROVIDER_NAME.match(path[1]):
            around.fault(
                given.place,
                key_name(path[:2]),
                "A provider's name is a letter and at most 31 of a-z, 0-9, - and _.",
            )
            del merged[path]
        elif has_credentials(given.value):
            around.fault(
                given.place, key, "The address holds a user or password.", "Use a setting for it."
            )
            del merged[path]
    for name in dict.fromkeys(path[1] for path in merged if path[0] == "providers"):
        merged.setdefault(("providers", name, "kind"), Given(name, DEFAULT))


def _validated(around: Surroundings, merged: Layer) -> tuple[Settings | None, set[KeyPath]]:
    """The settings, with defaults for those that are wrong, and which those are."""
    left = dict(merged)
    faulted: set[KeyPath] = {path for path, given in merged.items() if given.value is None}
    left = {path: given for path, given in left.items() if path not in faulted}
    if ("state",) not in left:
        around.fault(DEFAULT, "state", "There is no home directory for it.", "Set it.")
        left[("state",)] = Given("/", DEFAULT)
    try:
        return Settings.model_validate(_nested(left)), faulted
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            path = _owner(each["loc"], left)
            sentence, hint = _words(each)
            place = left[path].place if path in left else DEFAULT
            around.fault(place, key_name(path), sentence, hint)
            faulted.add(path)
    left = {path: given for path, given in left.items() if path not in faulted}
    left.setdefault(("state",), Given("/", DEFAULT))
    try:
        return Settings.model_validate(_nested(left)), faulted
    except ValidationError:
        return None, faulted


def _nested(layer: Layer) -> dict[str, object]:
    tables: dict[KeyPath, dict[str, object]] = {(): {}}
    for path, given in layer.items():
        for end in range(1, len(path)):
            if path[:end] not in tables:
                tables[path[: end - 1]][path[end - 1]] = tables[path[:end]] = {}
        tables[path[:-1]][path[-1]] = given.value
    return tables[()]


def _owner(loc: tuple[int | str, ...], layer: Layer) -> KeyPath:
    path = tuple(str(part) for part in loc)
    for end in range(len(path), 0, -1):
        if path[:end] in layer:
            return path[:end]
    return path


def _words(error: ErrorDetails) -> tuple[str, str]:
    context = error.get("ctx", {})
    if isinstance(cause := context.get("error"), Unfit):
        return cause.sentence, cause.hint
    sentence = _SENTENCES.get(error["type"], "This value does not fit here.")
    return sentence.format(**context), ""


def _check_together(
    around: Surroundings,
    settings: Settings,
    origins: Mapping[KeyPath, str],
    faulted: set[KeyPath],
) -> None:
    for clash in clashes(settings):
        if faulted.isdisjoint(clash.paths):
            around.flaws.append(
                Flaw(
                    place=origins.get(clash.paths[0], DEFAULT),
                    key=key_name(clash.paths[0]),
                    sentence=clash.sentence,
                    hint=clash.hint,
                    warning=clash.warning,
                )
            )


def _provider_configs(
    around: Surroundings,
    settings: Settings | None,
    make: ProviderConfig | None,
    origins: Mapping[KeyPath, str],
) -> Mapping[str, object]:
    made = {}
    for name, section in settings.providers.items() if settings and make else ():
        try:
            made[name] = make(section.kind, {"name": name, **section.options()}) if make else None
        except Misconfigured as error:
            for flaw in error.flaws:
                path = ("providers", name, *([flaw.key] if flaw.key else []))
                place = origins.get(path) or _first_place(path[:2], origins)
                around.flaws.append(
                    Flaw(
                        place=place,
                        key=key_name(path),
                        sentence=flaw.sentence,
                        hint=flaw.hint,
                        warning=flaw.warning,
                    )
                )
    return MappingProxyType(made)


def _first_place(path: KeyPath, origins: Mapping[KeyPath, str]) -> str:
    return next((place for key, place in origins.items() if key[: len(path)] == path), DEFAULT)
