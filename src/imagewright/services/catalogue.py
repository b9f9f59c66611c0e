"""The catalogue in force: what is configured, and what the providers list."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from imagewright.core.catalogue import Catalogue, Lifecycle, Model, Offer
from imagewright.core.errors import Fault, Internal
from imagewright.ports.clock import Clock
from imagewright.ports.provider import Discovery, Found
from imagewright.ports.telemetry import Telemetry

_log = logging.getLogger(__name__)
_LONGEST_ID = 128
_TICK = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryRules:
    """When providers are asked, in seconds.

    `every` so often; `again` after one failure, and twice as long after each further one. Nobody
    asks again within `rest`, and `deadline` is what one look may take.
    """

    every: float = 21_600.0
    again: float = 60.0
    rest: float = 15.0
    deadline: float = 20.0


@dataclass(slots=True)
class _Source:
    """One provider that lists its models, and what became of asking it."""

    ask: Discovery
    found: tuple[Found, ...] = ()
    failures: int = 0
    due: float = float("-inf")
    asked: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class LiveCatalogue:
    """`ports.catalogue.CatalogueSource`: what a provider listed last stays until it lists again."""

    def __init__(
        self,
        configured: Catalogue,
        sources: Mapping[str, Discovery],
        clock: Clock,
        telemetry: Telemetry,
        rules: DiscoveryRules | None = None,
    ) -> None:
        self._configured = configured
        self._sources = {name: _Source(ask) for name, ask in sources.items()}
        self._clock = clock
        self._telemetry = telemetry
        self._rules = rules or DiscoveryRules()
        self._current = configured

    def current(self) -> Catalogue:
        """See the port."""
        return self._current

    async def refresh(self, providers: Collection[str]) -> None:
        """See the port."""
        names = [name for name in self._sources if name in providers]
        await asyncio.gather(*(self._look(name) for name in names))

    async def run(self) -> None:
        """Ask each provider when it is due, until cancelled."""
        while self._sources:
            now = self._clock.monotonic()
            await self.refresh([name for name, each in self._sources.items() if each.due <= now])
            await asyncio.sleep(_TICK)

    async def _look(self, name: str) -> None:
        source, rules = self._sources[name], self._rules
        async with source.turn:
            if self._clock.monotonic() - source.asked < rules.rest:
                return
            try:
                async with asyncio.timeout(rules.deadline):
                    source.found = await source.ask.discover()
            except Exception as fault:  # noqa: BLE001 - the provider is degraded, nothing else
                self._failed(name, source, fault)
            else:
                source.failures = 0
                source.due = self._clock.monotonic() + rules.every
            source.asked = self._clock.monotonic()
            self._put(name, source)

    def _failed(self, name: str, source: _Source, fault: Exception) -> None:
        rules = self._rules
        if not source.failures:
            known = isinstance(fault, Fault | TimeoutError)
            code = fault.code if isinstance(fault, Fault) else Internal.code
            _log.warning(
                "models not listed", extra={"provider": name, "code": code}, exc_info=not known
            )
        pause = rules.again * 2.0 ** min(source.failures, 30)
        source.failures += 1
        source.due = self._clock.monotonic() + min(rules.every, pause)

    def _put(self, name: str, source: _Source) -> None:
        degraded = source.failures > 0
        self._telemetry.provider(name, degraded=degraded)
        offers = tuple(
            replace(merged(offer, source.found), degraded=degraded) if offer.name == name else was
            for offer, was in zip(self._configured.offers, self._current.offers, strict=True)
        )
        self._current = Catalogue(offers=offers)


def merged(offer: Offer, found: Collection[Found]) -> Offer:
    """A configured offer with what the provider lists.

    The provider's word counts for when a model ends. Models that nobody configured are added where
    it is known what they are like, unless the operator chose some. Without a price of their own
    they have none: that of the model they are like may be too low.
    """
    listed = {each.upstream: each for each in found}
    models = [_dated(model, listed.get(model.upstream)) for model in offer.models]
    if not offer.chosen:
        kinds = {model.id: model for model in offer.known}
        names = {model.id for model in offer.models} | {model.upstream for model in offer.models}
        models += [
            _added(kinds[each.like], each)
            for each in found
            if each.like in kinds and each.upstream not in names and _is_name(each.upstream)
        ]
    priced = [replace(each, price=offer.prices.get(each.id, each.price)) for each in models]
    return replace(offer, models=tuple(priced))


def _dated(model: Model, found: Found | None) -> Model:
    if found is None or found.ends is None:
        return model
    life = Lifecycle.DEPRECATED if model.lifecycle is Lifecycle.CURRENT else model.lifecycle
    return replace(model, ends=found.ends, lifecycle=life)


def _added(like: Model, found: Found) -> Model:
    price = found.price or (like.price if like.free else None)
    return replace(
        like,
        id=found.upstream,
        upstream=found.upstream,
        title=found.title or found.upstream,
        lifecycle=Lifecycle.CURRENT if found.ends is None else Lifecycle.DEPRECATED,
        ends=found.ends,
        successor=None,
        options={**like.options, **found.options},
        price=price,
    )


def _is_name(text: str) -> bool:
    """Whether a provider's name for a model can be an id, which callers and the ACL write."""
    return text.isascii() and text.isprintable() and 0 < len(text) <= _LONGEST_ID
