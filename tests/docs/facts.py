"""What the code says of itself, for the reference to be held against."""

import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from cyclopts import App as Commands
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.app import App, build
from imagewright.app.upstreams import offers_of
from imagewright.cli import application
from imagewright.core.catalogue import Model, Offer, PerImage
from imagewright.core.money import Nano, usd
from imagewright.settings import Settings, load
from imagewright.settings.names import leaves
from imagewright.settings.upstream import Provider

ADAPTERS = Path(__file__).parents[2] / "src/imagewright/adapters/providers"
_MILLION = 1_000_000


def settings(state: Path, **explicit: object) -> Settings:
    """Small settings with the placeholder; two underscores stand for a dot."""
    wanted: dict[str, object] = {
        "state": str(state),
        "read_only": False,
        "providers.placeholder.kind": "placeholder",
        "imaging.workers": 1,
        "limits.output_bytes": "4MiB",
        "storage.spool_bytes": "8MiB",
        "storage.ballast_bytes": "1MiB",
    }
    wanted |= {key.replace("__", "."): value for key, value in explicit.items()}
    return load(explicit=wanted, environ={}).settings


def app(state: Path) -> App:
    """An application that is not open."""
    return build(settings(state), stdio=True)


def proxied_app(state: Path) -> App:
    """The same with every route that there can be."""
    (state / "acl.toml").write_text("[subjects]\n")
    explicit: dict[str, object] = {
        "public_url": "https://images.example.com",
        "auth__acl_path": str(state / "acl.toml"),
        "auth__issuers": {"corp": {"issuer": "https://idp.example.com"}},
        "proxy__issuer": "corp",
        "proxy__client_id": "imagewright",
        "proxy__client_secret": "of nobody",
    }
    return build(settings(state, **explicit), stdio=True)


def setting_fields() -> dict[str, FieldInfo]:
    """Every setting by its dotted name, those of a provider under `providers.<name>`."""
    found = {".".join(path): _field(path) for path in leaves()}
    for name, field in Provider.model_fields.items():
        found[f"providers.<name>.{name}"] = field
    return found


def _field(path: tuple[str, ...]) -> FieldInfo:
    model: type[BaseModel] = Settings
    for part in path[:-1]:
        inner = model.model_fields[part].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        model = inner
    return model.model_fields[path[-1]]


def read_as(field: FieldInfo, written: str) -> object:
    """What a setting becomes where the file has this text."""
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    return adapter.validate_python(tomllib.loads(f"x = {written}")["x"])


def commands() -> dict[str, set[str]]:
    """Every command with the long options it has."""
    return dict(_commands(application(), ("imagewright",)))


def _commands(parent: Commands, name: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
    for word in parent:
        if word.startswith("-"):
            continue
        child = parent[word]
        group = [each for each in child if not each.startswith("-")]
        if group:
            yield from _commands(child, (*name, word))
        if not group or child.default_command is not None:
            options = {
                option
                for argument in child.assemble_argument_collection()
                for option in argument.names
                if option.startswith("--")
            }
            yield " ".join((*name, word)), options


def kinds() -> set[str]:
    """Every kind of provider."""
    return {path.stem for path in ADAPTERS.glob("*.py") if not path.stem.startswith("_")}


def config_fields(kind: str) -> dict[str, Field[Any]]:
    """An adapter's own keys; the name and the key are every provider's."""
    config = import_module(f"imagewright.adapters.providers.{kind}").Config
    return {each.name: each for each in fields(config) if each.name not in {"name", "api_key"}}


def default_of(field: Field[Any]) -> object:
    """A dataclass's default, whichever way it is made."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def offer(kind: str, state: Path) -> Offer:
    """What a provider of the kind offers where the operator says nothing of models."""
    wanted = {"state": str(state), f"providers.{kind}.kind": kind}
    return offers_of(load(explicit=wanted, environ={}).settings)[0]


def templates(kind: str) -> tuple[Model, ...]:
    """The models of a kind that are offered only where the operator lists them."""
    offer = read_offer(kind, kind)
    return tuple(model for model in offer.known if model not in offer.models)


def life(model: Model) -> str:
    """A model's life as the reference writes it."""
    return model.lifecycle.value + (f", ends {model.ends.isoformat()}" if model.ends else "")


def price(model: Model) -> str:
    """A model's price as the reference writes it."""
    if model.price is None:
        return "none"
    if isinstance(model.price, PerImage):
        return "; ".join(
            f"${usd(amount)} {'per image' if key == '*' else key}"
            for key, amount in model.price.prices.items()
        )
    amounts = {
        "text in": model.price.text_in,
        "image in": model.price.image_in,
        "image out": model.price.image_out,
    }
    if model.price.text_out:
        amounts["text out"] = model.price.text_out
    if model.price.reader_in:
        amounts["text model in"] = model.price.reader_in
    return ", ".join(f"${usd(Nano(each * _MILLION))} {name}" for name, each in amounts.items())
