"""Providers by the settings: each kind's module is imported only where it is configured."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from types import ModuleType

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from imagewright.adapters.catalogue.faults import CatalogueError, CatalogueFault
from imagewright.adapters.catalogue.reader import read_offer, read_prices
from imagewright.adapters.catalogue.rules import shipped_rules
from imagewright.adapters.kinds import KindError, data_of, module_of
from imagewright.adapters.toml.document import key_name
from imagewright.adapters.toml.findings import nearest
from imagewright.core.catalogue import Catalogue, Model, Offer, Price
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.routing import Routing, Rule
from imagewright.core.wording import Wording
from imagewright.ports.clock import Clock
from imagewright.ports.provider import Discovery, Parts, Provider
from imagewright.ports.telemetry import Telemetry
from imagewright.services.catalogue import LiveCatalogue
from imagewright.settings import Settings
from imagewright.settings.upstream import Provider as ProviderSection

_NOT_CONFIG = ("models",)
_SETTINGS = "imagewright.toml"
"""What the catalogue's reader calls the operator's own models."""
_PICTURE_BYTES = "picture_bytes"
"""The config of an adapter that bounds pictures has this field; unset it is limits.output_bytes."""

_OFFERED = "offered"
"""The name of a kind's function that takes its config and an offer, where prices hang on both."""
_OUTWARD = "outward"
"""The name of a kind's function of options, for one that opens more than its own address."""


def provider_config(name: str, settings: Settings) -> object:
    """The config of a provider's adapter. Raises Misconfigured with the keys of its section."""
    section = settings.providers[name]
    config = _module(section.kind).Config
    options: dict[str, object] = {"name": name, **section.options()}
    wanted = {key: value for key, value in options.items() if key not in _NOT_CONFIG}
    known = {field.name for field in fields(config)}
    if _PICTURE_BYTES in known:
        wanted.setdefault(_PICTURE_BYTES, settings.limits.output_bytes)
    try:
        made: object = TypeAdapter(config).validate_python(wanted)
    except ValidationError as error:
        raise Misconfigured(
            [_flaw(each, known) for each in error.errors(include_url=False, include_input=False)]
        ) from None
    return made


def outward_of(name: str, settings: Settings) -> tuple[str, ...]:
    """Every address that a provider is reached at, by options that nobody checked yet.

    They are its `base_url`, its `proxy` and what its kind says in `outward`, a function of all
    options with those that are unset. Raises Misconfigured.
    """
    section = settings.providers[name]
    module, options = _module(section.kind), section.options()
    given = {field.name: field.default for field in fields(module.Config)} | options
    found = [given[key] for key in ("base_url", "proxy") if isinstance(given.get(key), str)]
    more = module.outward(given) if hasattr(module, _OUTWARD) else ()
    return tuple(map(str, (*found, *more)))


def _flaw(error: ErrorDetails, known: Collection[str]) -> Flaw:
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "unexpected_keyword_argument":
        hint = nearest(key, known)
        return Flaw(place="", key=key, sentence="This key means nothing here.", hint=hint)
    return Flaw(place="", key=key, sentence=f"{error['msg'].removeprefix('Value error, ')}.")


def offers_of(settings: Settings) -> tuple[Offer, ...]:
    """What every configured provider offers, the default one first. Raises Misconfigured."""
    first = settings.default_provider
    offers = [offer_of(name, settings) for name in settings.providers]
    return tuple(sorted(offers, key=lambda offer: offer.name != first))


def offer_of(name: str, settings: Settings) -> Offer:
    """What a provider offers. Raises Misconfigured with the keys of its section, or with places."""
    section = settings.providers[name]
    module = _module(section.kind)
    try:
        offer = read_offer(
            name,
            section.kind,
            section.options().get("models"),
            title=section.title,
            file=_SETTINGS,
        )
        prices = read_prices(section.prices, _SETTINGS)
        offer = _priced(_worded(offer, section, settings), prices)
    except CatalogueError as error:
        raise Misconfigured(
            [
                Flaw(
                    place="" if fault.file.startswith(_SETTINGS) else fault.file,
                    key=_key(fault),
                    sentence=f"It {fault.what}.",
                )
                for fault in error.faults
            ]
        ) from None
    return _as_configured(module, name, settings, offer)


def _as_configured(module: ModuleType, name: str, settings: Settings, offer: Offer) -> Offer:
    """What an adapter's config makes of its offer, for the kinds that have an `offered`."""
    if not hasattr(module, _OFFERED):
        return offer
    try:
        config = provider_config(name, settings)
    except Misconfigured:
        # Whoever builds or checks the provider is told of its config.
        return offer
    made: Offer = getattr(module, _OFFERED)(config, offer)
    return made


def _key(fault: CatalogueFault) -> str:
    if not fault.model:
        return fault.key
    return key_name(("models", fault.model, *fault.key.split(".")))


def _worded(offer: Offer, section: ProviderSection, settings: Settings) -> Offer:
    """The offer with the operator's words and defaults, those of the provider before all others."""
    prefix = settings.prefix if section.prefix is None else section.prefix
    return replace(
        offer,
        models=tuple(_as_policy(section, model) for model in offer.models),
        known=tuple(_as_policy(section, model) for model in offer.known),
        wording=Wording(prefix=prefix, templates={**settings.templates, **section.templates}),
        defaults={**settings.defaults.given(), **section.defaults.given()},
    )


def _as_policy(section: ProviderSection, model: Model) -> Model:
    if section.policy != "compat":
        return model
    return replace(model, seed=True, negative_prompt=True)


def _priced(offer: Offer, prices: Mapping[str, Price]) -> Offer:
    """The offer with the operator's prices, which also wait for models that are yet to be found."""
    models = tuple(
        replace(model, price=prices.get(model.id, model.price)) for model in offer.models
    )
    return replace(offer, models=models, prices=prices)


def catalogue_of(
    settings: Settings, providers: Mapping[str, Provider], clock: Clock, telemetry: Telemetry
) -> LiveCatalogue:
    """What is configured, and what those that list their models say. Raises Misconfigured."""
    asked = {
        name: provider
        for name, provider in providers.items()
        if settings.providers[name].discover and isinstance(provider, Discovery)
    }
    return LiveCatalogue(Catalogue(offers=offers_of(settings)), asked, clock, telemetry)


def routing_of(settings: Settings) -> Routing:
    """How asks are routed: the shipped rules, with the operator's in their places or behind."""
    section = settings.routing
    rules = {rule.name: rule for rule in shipped_rules()}
    for name, rule in section.rules.items():
        rules[name] = Rule(name=name, words=rule.words, prefer=rule.prefer)
    return Routing(
        first=settings.default_provider, rules=tuple(rules.values()), fallback=section.fallback
    )


def providers_of(settings: Settings, parts: Parts) -> dict[str, Provider]:
    """Every configured provider, by its name. Raises Misconfigured."""
    return {
        name: _module(section.kind).build(provider_config(name, settings), parts)
        for name, section in settings.providers.items()
    }


def _module(kind: str) -> ModuleType:
    """The module of a kind, whose data file is there too. Raises Misconfigured."""
    try:
        module = module_of(kind)
        data_of(kind)
    except KindError as error:
        flaw = Flaw(place="", key="kind", sentence=error.sentence, hint=error.hint)
    else:
        return module
    raise Misconfigured([flaw])
