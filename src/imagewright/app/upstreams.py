"""Providers by the settings: each kind's module is imported only where it is configured."""

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.catalogue.faults import CatalogueError
from imagewright.adapters.catalogue.reader import read_offer
from imagewright.core.catalogue import Offer
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.ports.provider import Parts, Provider
from imagewright.settings import Settings

_PACKAGE = "imagewright.adapters.providers"
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_NOT_CONFIG = ("models", "title")


def provider_config(kind: str, options: Mapping[str, object]) -> object:
    """An adapter's own config from its options. Raises Misconfigured with what is wrong."""
    module = _module(kind)
    wanted = {key: value for key, value in options.items() if key not in _NOT_CONFIG}
    try:
        return TypeAdapter(module.Config).validate_python(wanted)
    except ValidationError as error:
        flaws = [
            Flaw(place="", key=".".join(str(part) for part in each["loc"]), sentence=each["msg"])
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Misconfigured(flaws) from None


def offers_of(settings: Settings) -> tuple[Offer, ...]:
    """What every configured provider offers, the default one first. Raises Misconfigured."""
    flaws: list[Flaw] = []
    offers: list[Offer] = []
    for name, section in settings.providers.items():
        options = section.options()
        title = options.get("title")
        try:
            offers.append(
                read_offer(
                    name,
                    section.kind,
                    options.get("models"),
                    title=str(title) if title else None,
                )
            )
        except CatalogueError as error:
            flaws += [
                Flaw(place=fault.file, key=f"{fault.model}.{fault.key}", sentence=fault.what)
                for fault in error.faults
            ]
    if flaws:
        raise Misconfigured(flaws)
    first = settings.default_provider
    return tuple(sorted(offers, key=lambda offer: offer.name != first))


def providers_of(settings: Settings, parts: Parts) -> dict[str, Provider]:
    """Every configured provider, by its name."""
    found: dict[str, Provider] = {}
    for name, section in settings.providers.items():
        config = provider_config(section.kind, {"name": name, **section.options()})
        found[name] = _module(section.kind).build(config, parts)
    return found


def _module(kind: str) -> ModuleType:
    name = f"{_PACKAGE}.{kind}"
    if not _KIND.match(kind) or find_spec(name) is None:
        raise Misconfigured(
            [Flaw(place="", key="kind", sentence=f"There is no provider of the kind {kind!r}.")]
        )
    return import_module(name)
