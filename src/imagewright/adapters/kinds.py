"""Kinds of providers: those of our own tree, and those of installed packages.

A package has its kinds in the entry point group `imagewright.providers`: the entry's name is the
kind, its value a module, and beside the module lies the data file `<kind>.toml`. A package is
imported only when its kind is asked for, and none can take the place of a kind of ours.
"""

from dataclasses import fields, is_dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pkgutil import iter_modules
from types import ModuleType

_OURS = "imagewright.adapters.providers"
_GROUP = "imagewright.providers"
_MOST_TEXT = 200


class KindError(Exception):
    """A kind that cannot be used: what is wrong, and what to do, for the operator."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def own_kinds() -> tuple[str, ...]:
    """The kinds of our own tree."""
    return tuple(each.name for each in iter_modules(import_module(_OURS).__path__))


def packaged_kinds() -> tuple[str, ...]:
    """The kinds that installed packages have beside ours, none of which is imported for it."""
    ours = own_kinds()
    return tuple(sorted({each.name for each in _entries() if each.name not in ours}))


def module_of(kind: str) -> ModuleType:
    """The module of a kind, which has `Config` and `build`. Raises KindError."""
    if kind in own_kinds():
        return import_module(f"{_OURS}.{kind}")
    entry = _entry(kind)
    module = _imported(entry)
    config = getattr(module, "Config", None)
    if not callable(getattr(module, "build", None)) or not _is_config(config):
        raise _broken(entry, "has no build, or no dataclass Config with a name")
    return module


def data_of(kind: str) -> Traversable:
    """The data file of a kind, which is there. Raises KindError."""
    if kind in own_kinds():
        return files(_OURS).joinpath(f"{kind}.toml")
    entry = _entry(kind)
    home = _imported(entry).__spec__
    if home is None or not home.parent:
        raise _broken(entry, "is a module outside of any package")
    data = files(home.parent).joinpath(f"{kind}.toml")
    if not data.is_file():
        raise _broken(entry, f"has no {kind}.toml beside its module")
    return data


def _entries() -> tuple[EntryPoint, ...]:
    """Those whose name can be a file's too."""
    return tuple(each for each in entry_points(group=_GROUP) if each.name.isidentifier())


def _entry(kind: str) -> EntryPoint:
    found = [each for each in _entries() if each.name == kind]
    if not found:
        kinds = ", ".join((*own_kinds(), *packaged_kinds()))
        raise KindError("There is no provider of this kind.", f"Kinds: {kinds}.")
    if len(found) > 1:
        names = ", ".join(sorted(_package(each) for each in found))
        raise KindError(f"Several packages have this kind: {names}.", "Uninstall all but one.")
    return found[0]


def _imported(entry: EntryPoint) -> ModuleType:
    try:
        module = entry.load()
    except Exception as error:  # noqa: BLE001 - whatever a stranger's module raises is one fault
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_TEXT]
        fault = _broken(entry, f"cannot be imported: {said}")
    else:
        if isinstance(module, ModuleType):
            return module
        fault = _broken(entry, "names something that is no module")
    raise fault


def _is_config(found: object) -> bool:
    return is_dataclass(found) and any(each.name == "name" for each in fields(found))


def _broken(entry: EntryPoint, what: str) -> KindError:
    sentence = f"The package {_package(entry)}, which has this kind, {what}."
    return KindError(sentence, "Ask its makers, or install a version that fits.")


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
