"""What the environment, an environment file, secret files and systemd credentials say."""

import io
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

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

DEFAULT = "default"
_STATE = {
    "STATE_DIRECTORY": "",
    "XDG_STATE_HOME": "imagewright",
    "HOME": ".local/state/imagewright",
}


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it stands."""

    value: object = field(repr=False)
    place: str


Layer = dict[KeyPath, Given]
"""Settings that one source gives, by key."""


@dataclass(slots=True)
class Surroundings:
    """The process's environment, and what was found wrong on the way.

    `faulted` are keys without a usable value; `unread` says that a whole source is not known.
    """

    environ: Mapping[str, str] = field(repr=False)
    flaws: list[Flaw] = field(default_factory=list)
    faulted: set[KeyPath] = field(default_factory=set)
    unread: bool = False

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

    def read(self, path: KeyPath, given: Given, base: Path) -> tuple[KeyPath, object]:
        """The key that is set and its value: a secret out of the file that a `_file` key names.

        Paths are taken from the home directory after ~/, else from `base`.
        """
        secret, leaf, value = names.secret_of(path), names.leaf(path), given.value
        if isinstance(value, str) and "\0" not in value and (secret or Path in leaf):
            below = value.startswith("~/") and self.environ.get("HOME")
            value = str(Path(below, value[2:]) if below else Path(base, value)) if value else value
        if secret is None:
            return path, value
        if isinstance(value, str) and value:
            return secret, self.secret(secret, Path(value), given.place)
        self.fault(given.place, key_name(path), "This must be a path in double quotes.")
        self.faulted.add(secret)
        return secret, None

    def secret(self, key: KeyPath, path: Path, place: str, *, refused: int = OPEN_TO_READ) -> str:
        """The one line that a secret's file holds, warned of if others read it; or "" and a fault.

        No mode is `refused` to a file that systemd made.
        """
        try:
            data, _ = read_bytes(path, OPEN_TO_CHANGE)
            text = data.decode(errors="replace").removesuffix("\n").removesuffix("\r")
        except Misconfigured as error:
            self.flaws.extend(error.flaws)
            self.faulted.add(key)
            return ""
        if not text or not text.isprintable() or "�" in text:
            self.fault(place, key_name(key), f"{path} does not hold one line of text.")
            self.faulted.add(key)
            return ""
        if path.stat().st_mode & refused:
            sentence, hint = "Others can read this secret.", f"Do: chmod 0640 {path}"
            self.flaws.append(
                Flaw(place=str(path), key=key_name(key), sentence=sentence, hint=hint, warning=True)
            )
        return text


def read_variables(around: Surroundings, env_file: Path | None) -> dict[str, Given]:
    """Every variable of ours that is set; the process's own win over the file's. Empty is unset."""
    found = dict(_file_variables(around, env_file)) if env_file is not None else {}
    for name, value in around.environ.items():
        if name.startswith(names.PREFIX):
            found[name] = Given(value, f"environment variable {name}")
    found = {name: given for name, given in found.items() if given.value}
    for short, full in names.SHORT.items():
        if short in found and full in found:
            around.fault(found[short].place, short, f"{full} is set too.", "Set one of them.")
        if short in found:
            found[full] = found.pop(short)
    return found


def _file_variables(around: Surroundings, path: Path) -> Iterator[tuple[str, Given]]:
    # Not DotEnvSettingsSource: it passes over bad lines, knows no line numbers and expands ${X}.
    try:
        data, _ = read_bytes(path, NOT_PRIVATE)
        text = data.decode()
    except Misconfigured as error:
        around.lost(error)
        return
    except UnicodeDecodeError:
        around.lost(Misconfigured([Flaw(place=str(path), key="", sentence="It is not UTF-8.")]))
        return
    for each in parse_stream(io.StringIO(text)):
        words = each.original.string
        before = words[: len(words) - len(words.lstrip())].count("\n")
        place = f"{path}:{each.original.line + before}"
        if each.error or (each.key is not None and each.value is None):
            around.fault(place, "", "The line is not NAME=value.")
        elif each.key is not None and each.key.startswith(names.PREFIX):
            yield each.key, Given(each.value, place)


def variable_layer(
    around: Surroundings, given: Mapping[str, Given], providers: Collection[str]
) -> Layer:
    """What the variables set, themselves or through the secret files that they name."""
    layer: Layer = {}
    for name, each in given.items():
        if path := names.key_of(name, providers):
            key, value = around.read(path, each, Path.cwd())
            layer[key] = Given(value, each.place)
            if key != path and name.removesuffix("_FILE") in given:
                around.fault(each.place, key_name(key), "The variable and its _FILE are both set.")
        elif name != names.CONFIG:
            key_shown = "" if each.place.endswith(name) else name
            hint = nearest(name.upper(), names.variables())
            around.fault(each.place, key_shown, "No setting has this name.", hint)
    return layer


def credential_layer(around: Surroundings) -> Layer:
    """What systemd handed over in $CREDENTIALS_DIRECTORY; files of other names are not ours."""
    # Not NestedSecretsSettingsSource: it reads everybody's files, and hides those it cannot read.
    directory = around.environ.get("CREDENTIALS_DIRECTORY")
    layer: Layer = {}
    try:
        files = sorted(Path(directory).iterdir()) if directory else []
    except OSError as error:
        around.fault(str(directory), "", f"Credentials cannot be read: {error.strerror}.")
        files = []
    for file in files:
        if path := names.key_of_credential(file.name):
            place = f"credential {file.name}"
            layer[path] = Given(around.secret(path, file, place, refused=0), place)
    return layer


def state_layer(around: Surroundings) -> Layer:
    """Where the state is kept if nothing says it; no layer where there is no home directory."""
    for variable, below in _STATE.items():
        if (found := around.environ.get(variable, "").partition(":")[0]).startswith("/"):
            place = DEFAULT if variable == "HOME" else f"environment variable {variable}"
            return {("state",): Given(str(Path(found, below)), place)}
    return {}
