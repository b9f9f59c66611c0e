"""A provider's offer, from the file beside its module and the operator's settings.

The operator's `models` is a list in the order of preference, the first being the default.
An entry is the name of a model in the file, or a table with an `id`: that of a model in the file,
whose keys it changes, or a new one. Without the list the file's models are offered in its
order, but for those that are a `template`: what not every server or account of the kind has. Any
entry may start from another with `like`; keys replace whole values.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imagewright.adapters.catalogue.faults import CatalogueError, CatalogueFault
from imagewright.adapters.catalogue.fields import Fields, Place, WrongValue, flag, text
from imagewright.adapters.catalogue.models import read_model
from imagewright.adapters.catalogue.prices import read_price
from imagewright.adapters.kinds import data_of
from imagewright.core.catalogue import Lifecycle, Model, Offer, Price

_TEMPLATE = "template"

Table = Mapping[str, object]


def read_offer(
    name: str,
    kind: str,
    models: object = None,
    *,
    title: str | None = None,
    file: str = "imagewright.toml",
) -> Offer:
    """The offer of the configured provider `name`.

    `models` (a list, as TOML gave it) and `title` are the operator's, `file` where they were
    written. Raises CatalogueError with every fault of both, and KindError for a kind that is none.
    """
    source = data_of(kind)
    place = f"{file} [providers.{name}]"
    offer = assemble(name, (source.name, source.read_text("utf-8")), models, place)
    return offer if title is None else replace(offer, title=title)


def read_prices(tables: Table, file: str) -> dict[str, Price]:
    """The operator's prices, by model. Raises CatalogueError with every fault."""
    faults: list[CatalogueFault] = []
    fields = Fields(tables, Place(file=file, prefix="prices.", faults=faults))
    read = {name: each for name in tables if (each := fields.table(name)) is not None}
    prices = {name: read_price(each) for name, each in read.items()}
    if faults:
        raise CatalogueError(faults)
    return {name: price for name, price in prices.items() if price is not None}


def assemble(name: str, data: tuple[str, str], models: object, file: str) -> Offer:
    """As `read_offer`, with the data file's name and text given."""
    faults: list[CatalogueFault] = []
    title, tables = _data(data, faults)
    data_file = data[0]
    # The file is settled by itself first: what the operator changes in one of its models
    # does not spread to those that are like it.
    known = _settled({each: _Entry(table, data_file) for each, table in tables.items()}, faults)
    if models is None:
        chosen = {each: entry for each, entry in known.items() if not entry.table.get(_TEMPLATE)}
    else:
        chosen = _chosen(known, _listed(models), file, faults)
    # All of the file is read, so that a fault in a model that is not offered is told too.
    every = _settled({**known, **chosen}, faults)
    read = {each: _read(each, entry, faults) for each, entry in every.items()}
    _check_successors(every, read, faults)
    if models is not None and not chosen and not faults:
        faults.append(CatalogueFault(file=file, model="", key="models", what="is empty"))
    if faults:
        raise CatalogueError(faults)
    return Offer(
        name=name,
        title=title or name,
        models=tuple(read[each] for each in chosen),
        known=tuple(read[each] for each in known),
        chosen=models is not None,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A model's table and the file to name when it is wrong."""

    table: Table
    file: str


def _data(data: tuple[str, str], faults: list[CatalogueFault]) -> tuple[str, dict[str, Table]]:
    file, toml = data
    place = Place(file=file, faults=faults)
    try:
        fields = Fields(tomllib.loads(toml), place)
    except tomllib.TOMLDecodeError as error:
        place.fault("toml", str(error))
        return "", {}
    title = fields.take("title", "", text)
    none: dict[str, Table] = {}
    tables = fields.take("models", none, _tables)
    fields.done()
    return title, tables


def _tables(value: object) -> dict[str, Table]:
    if not isinstance(value, Mapping) or not all(
        isinstance(each, Mapping) for each in value.values()
    ):
        raise WrongValue("must hold a table for each model")
    return dict(value)


def _chosen(
    known: Mapping[str, _Entry],
    models: Sequence[object],
    file: str,
    faults: list[CatalogueFault],
) -> dict[str, _Entry]:
    chosen: dict[str, _Entry] = {}
    place = Place(file=file, faults=faults)
    for each in models:
        name, table = _choice(each)
        if name is None:
            place.fault("models", "must list names and tables with an id")
        elif name in chosen:
            place.fault("models", f"lists {name} twice")
        elif name in known:
            table = {**known[name].table, **table}
            chosen[name] = _Entry(table, file if table != known[name].table else known[name].file)
        elif isinstance(each, str):
            place.fault("models", f"lists {name}, which is not known; known are {', '.join(known)}")
        else:
            chosen[name] = _Entry(table, file)
    return chosen


def _listed(models: object) -> Sequence[object]:
    """The operator's list; what is none stands for its only entry, which is noted as wrong."""
    return models if isinstance(models, list | tuple) else [None]


def _choice(found: object) -> tuple[str | None, dict[str, object]]:
    if isinstance(found, str):
        return found, {}
    if isinstance(found, Mapping) and isinstance(found.get("id"), str) and found["id"]:
        return found["id"], {key: value for key, value in found.items() if key != "id"}
    return None, {}


def _settled(entries: Mapping[str, _Entry], faults: list[CatalogueFault]) -> dict[str, _Entry]:
    """The entries without `like`, those left out that cannot be settled."""
    settled: dict[str, _Entry] = {}
    for name, entry in entries.items():
        place = Place(file=entry.file, model=name, faults=faults)
        table = _inherit(name, entries, place)
        if table is not None:
            settled[name] = _Entry(table, entry.file)
    return settled


def _read(name: str, entry: _Entry, faults: list[CatalogueFault]) -> Model:
    place = Place(file=entry.file, model=name, faults=faults)
    fields = Fields(entry.table, place)
    fields.take(_TEMPLATE, False, flag)
    return read_model(name, fields)


def _inherit(name: str, every: Mapping[str, _Entry], place: Place) -> Table | None:
    """The entry's table over the tables it is like."""
    merged: dict[str, object] = {}
    seen: set[str] = set()
    current: object = name
    while current is not None:
        if not isinstance(current, str) or current not in every:
            place.fault("like", "names no model")
            return None
        if current in seen:
            place.fault("like", "leads back to itself")
            return None
        seen.add(current)
        table = dict(every[current].table)
        current = table.pop("like", None)
        merged = {**table, **merged}
    return merged


def _check_successors(
    every: Mapping[str, _Entry],
    read: Mapping[str, Model],
    faults: list[CatalogueFault],
) -> None:
    for name, model in read.items():
        place = Place(file=every[name].file, model=name, faults=faults)
        if model.successor is not None and model.successor not in read:
            place.fault("successor", "names no model")
        if model.lifecycle is not Lifecycle.CURRENT and model.successor is None:
            place.fault("successor", f"is missing, and the model is {model.lifecycle.value}")
        if model.lifecycle is not Lifecycle.CURRENT and model.ends is None:
            place.fault("ends", f"is missing, and the model is {model.lifecycle.value}")
