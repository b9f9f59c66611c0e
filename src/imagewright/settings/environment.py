"""Settings from the environment, an environment file, secret files and systemd credentials."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagewright.adapters.toml.document import (
    NOT_PRIVATE,
    OPEN_TO_CHANGE,
    OPEN_TO_READ,
    KeyPath,
    key_name,
    read_bytes,
)
from imagewright.adapters.toml.findings import nearest
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.settings import names

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)\Z")
_CREDENTIAL = re.compile(r"provider-([a-z][a-z0-9_-]*)-key\Z")
_QUOTED = 2


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it stands."""

    value: object = field(repr=False)
    place: str


Layer = dict[KeyPath, Given]
"""Settings that one source gives, by key."""


@dataclass(slots=True)
class Surroundings:
    """The process's environment, and the flaws found on the way."""

    environ: Mapping[str, str] = field(repr=False)
    flaws: list[Flaw] = field(default_factory=list)
    unread: bool = False
    """Whether a whole source could not be read, so that what it says is not known."""

    @classmethod
    def of_process(cls) -> "Surroundings":
        """The environment as it is now."""
        return cls(dict(os.environ))

    def fault(self, place: str, key: str, sentence: str, hint: str = "") -> None:
        """One thing that stops the start."""
        self.flaws.append(Flaw(place=place, key=key, sentence=sentence, hint=hint))

    def lost(self, error: Misconfigured) -> None:
        """A source that cannot be read."""
        self.flaws.extend(error.flaws)
        self.unread = True

    def located(self, value: object, base: Path) -> object:
        """A path as an absolute one: from the home directory after ~/, else from `base`."""
        if not isinstance(value, str) or not value or "\0" in value:
            return value
        if value.startswith("~/") and (home := self.environ.get("HOME")):
            return str(Path(home, value[2:]))
        return str(Path(base, value))


def read_variables(around: Surroundings, env_file: Path | None) -> dict[str, Given]:
    """Every variable of ours that is set; the process's own win over the file's. Empty is unset."""
    found = dict(_file_variables(around, env_file)) if env_file is not None else {}
    for name, value in around.environ.items():
        if name.startswith(names.PREFIX):
            found[name] = Given(value, f"environment variable {name}")
    for short, full in names.SHORT.items():
        if short in found and full in found and found[short].value and found[full].value:
            around.fault(found[short].place, short, f"{full} is set too.", "Set one of them.")
        if short in found:
            given = found.pop(short)
            found[full] = given if given.value else found.get(full, given)
    return {name: given for name, given in found.items() if given.value}


def _file_variables(around: Surroundings, path: Path) -> Iterator[tuple[str, Given]]:
    try:
        data, _ = read_bytes(path, NOT_PRIVATE)
        text = data.decode()
    except Misconfigured as error:
        around.lost(error)
        return
    except UnicodeDecodeError:
        around.lost(Misconfigured([Flaw(place=str(path), key="", sentence="It is not UTF-8.")]))
        return
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if (found := _LINE.match(words)) is None:
            around.fault(f"{path}:{number}", "", "The line is not NAME=value.")
        elif found[1].startswith(names.PREFIX):
            yield found[1], Given(_unquoted(found[2]), f"{path}:{number}")


def _unquoted(value: str) -> str:
    if len(value) >= _QUOTED and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def variable_layers(around: Surroundings, given: Mapping[str, Given]) -> tuple[Layer, Layer]:
    """What the variables set, and what the secret files that they name hold."""
    values: Layer = {}
    files: Layer = {}
    for name, each in given.items():
        if name == names.CONFIG:
            continue
        path = tuple(name.removeprefix(names.PREFIX).lower().split("__"))
        leaf = names.leaf(path) if name.isupper() and all(path) else None
        secret = names.secret_of(path) if name.isupper() else None
        if secret is not None:
            _read_secret(around, files, secret, each)
        elif leaf is not None:
            value = around.located(each.value, Path.cwd()) if leaf.path else each.value
            values[path] = Given(value, each.place)
        else:
            key = "" if each.place.endswith(name) else name
            hint = nearest(name.upper(), names.variables())
            around.fault(each.place, key, "No setting has this name.", hint)
    for path in values.keys() & files.keys():
        around.fault(values[path].place, key_name(path), "The variable and its _FILE are both set.")
    return values, files


def _read_secret(around: Surroundings, layer: Layer, path: KeyPath, named: Given) -> None:
    layer[path] = Given(
        read_secret(around, key_name(path), Path(str(named.value)), named.place), named.place
    )


def read_secret(around: Surroundings, key: str, path: Path, place: str) -> str | None:
    """The one line that a secret's file holds, or None and a fault."""
    try:
        data, _ = read_bytes(path, OPEN_TO_CHANGE)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except Misconfigured as error:
        around.flaws.extend(error.flaws)
        return None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        around.fault(place, key, f"{path} does not hold one line of text.")
        return None
    if path.stat().st_mode & OPEN_TO_READ:
        around.flaws.append(
            Flaw(
                place=str(path),
                key=key,
                sentence="Others can read this secret.",
                hint=f"Do: chmod 0640 {path}",
                warning=True,
            )
        )
    return text


def credential_layer(around: Surroundings) -> Layer:
    """What systemd handed over in $CREDENTIALS_DIRECTORY; files of other names are not ours."""
    directory = around.environ.get("CREDENTIALS_DIRECTORY")
    layer: Layer = {}
    try:
        files = sorted(Path(directory).iterdir()) if directory else []
    except OSError as error:
        around.fault(str(directory), "", f"Credentials cannot be read: {error.strerror}.")
        files = []
    for file in files:
        provider = _CREDENTIAL.match(file.name)
        path = names.CREDENTIALS.get(file.name)
        if provider:
            path = ("providers", provider[1], "api_key")
        if path is not None:
            place = f"credential {file.name}"
            layer[path] = Given(_credential(around, key_name(path), file, place), place)
    return layer


def _credential(around: Surroundings, key: str, file: Path, place: str) -> str | None:
    """Modes are systemd's matter here."""
    before = len(around.flaws)
    value = read_secret(around, key, file, place)
    around.flaws[before:] = [flaw for flaw in around.flaws[before:] if not flaw.warning]
    return value
