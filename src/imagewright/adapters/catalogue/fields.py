"""Reading a table's keys one by one, noting each that is wrong."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from imagewright.adapters.catalogue.faults import CatalogueFault
from imagewright.core.errors import InvalidRequest
from imagewright.core.option import Option
from imagewright.core.size import Size

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_MISSING = object()
_NAME = re.compile(r"[1-9][0-9]?:[1-9][0-9]?/[0-9.]{1,4}K?\Z")


class WrongValue(Exception):
    """What a reader says about a value that cannot be; it becomes a fault's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a table stands, and the list that its faults are added to."""

    file: str
    model: str = ""
    prefix: str = ""
    faults: list[CatalogueFault]

    def fault(self, key: str, what: str) -> None:
        self.faults.append(
            CatalogueFault(file=self.file, model=self.model, key=self.prefix + key, what=what)
        )


class Fields:
    """A table being read. A wrong value is noted and the default is returned in its stead."""

    def __init__(self, table: Mapping[str, object], place: Place) -> None:
        self._rest = dict(table)
        self.place = place

    def take(self, key: str, default: T, read: Callable[[object], T]) -> T:
        """The key's value as `read` makes it, which raises WrongValue."""
        found = self._rest.pop(key, _MISSING)
        if found is _MISSING:
            return default
        try:
            return read(found)
        except WrongValue as error:
            self.place.fault(key, str(error))
            return default

    def table(self, key: str) -> "Fields | None":
        """A table below this one, or None where there is none."""
        found = self.take(key, None, _table)
        if found is None:
            return None
        place = self.place
        return Fields(
            found,
            Place(
                file=place.file,
                model=place.model,
                prefix=f"{place.prefix}{key}.",
                faults=place.faults,
            ),
        )

    def has(self, key: str) -> bool:
        return key in self._rest

    def done(self) -> None:
        """Note every key that nobody asked for."""
        for key in self._rest:
            self.place.fault(key, "is not a known key")


def text(value: object) -> str:
    """Read text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise WrongValue("must be text")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Read a list of texts, at least one."""
    if not isinstance(value, list) or not value:
        raise WrongValue("must be a list of texts")
    return tuple(text(each) for each in value)


def flag(value: object) -> bool:
    """Read a truth value."""
    if not isinstance(value, bool):
        raise WrongValue("must be true or false")
    return value


def between(low: int, high: int) -> Callable[[object], int]:
    """A reader of whole numbers within bounds."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise WrongValue(f"must be a whole number from {low} to {high}")
        return value

    return read


def ratio(value: object) -> float:
    """Read how many times longer one edge may be."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise WrongValue("must be a number from 1 to 1000")
    return float(value)


def day(value: object) -> date:
    """Read a date of TOML, without a time."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise WrongValue("must be a date such as 2026-12-01")
    return value


def size(value: object) -> Size:
    """Read one size."""
    try:
        return Size.parse(text(value))
    except InvalidRequest:
        raise WrongValue("must be a size such as 1024x1024") from None


def sizes(value: object) -> tuple[Size, ...]:
    """Read a list of sizes, at least one."""
    if not isinstance(value, list) or not value:
        raise WrongValue("must be a list of sizes such as 1024x1024")
    return tuple(size(each) for each in value)


def names(value: object) -> dict[str, Size]:
    """Read sizes by what a provider's API calls them: `ratio/tier`."""
    found = _table(value)
    for name in found:
        if not _NAME.match(name):
            raise WrongValue(f"has the name {name!r}; names are like 16:9/2K")
    return {name: size(each) for name, each in found.items()}


def options(value: object) -> dict[str, Option]:
    """Read what is for the adapter alone: plain values by name."""
    found: dict[str, Option] = {}
    for name, each in _table(value).items():
        if not isinstance(each, str | int | float | bool):
            raise WrongValue(f"holds {name!r}, which is no text, number or truth value")
        found[name] = each
    return found


def word(kind: type[E]) -> Callable[[object], E]:
    """A reader of one of a set of words."""

    def read(value: object) -> E:
        words = [each.value for each in kind]
        if not isinstance(value, str) or value not in words:
            raise WrongValue(f"must be one of {', '.join(words)}")
        return kind(value)

    return read


def words(kind: type[E]) -> Callable[[object], tuple[E, ...]]:
    """A reader of a list of words, each once."""
    one = word(kind)

    def read(value: object) -> tuple[E, ...]:
        if not isinstance(value, list) or len({str(each) for each in value}) != len(value):
            raise WrongValue("must be a list without repeats")
        return tuple(one(each) for each in value)

    return read


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise WrongValue("must be a table")
    return value
