"""The catalogue in force: what providers list is merged in, and one that fails loses nothing."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from imagewright.core.catalogue import Catalogue, Lifecycle, Model, Offer, PerImage
from imagewright.core.errors import ProviderUnavailable
from imagewright.core.money import FREE, Nano
from imagewright.ports.provider import Found
from imagewright.services.catalogue import DiscoveryRules, LiveCatalogue, merged
from tests.core.examples import PAINTER, SKETCHER
from tests.fakes.clock import HandClock
from tests.fakes.outside import Counted

STUDIO = Offer(name="studio", title="Studio", models=(PAINTER, SKETCHER), known=(PAINTER, SKETCHER))
ENDS = date(2026, 12, 24)
PRICE = PerImage(prices={"*": Nano(7)})
RULES = DiscoveryRules(every=600, again=60, rest=15, deadline=0.05)


@dataclass
class Lister:
    """Keeps `ports.provider.Discovery`."""

    found: tuple[Found, ...] = ()
    fault: Exception | None = None
    asked: int = 0
    wait: asyncio.Event = field(default_factory=asyncio.Event)
    hangs: bool = False

    async def discover(self) -> tuple[Found, ...]:
        self.asked += 1
        if self.hangs:
            await self.wait.wait()
        if self.fault is not None:
            raise self.fault
        return self.found


def live(
    clock: HandClock, lister: Lister, told: Counted | None = None, offer: Offer = STUDIO
) -> LiveCatalogue:
    other = replace(STUDIO, name="other")
    configured = Catalogue(offers=(other, offer))
    return LiveCatalogue(configured, {"studio": lister}, clock, told or Counted(), RULES)


def names(found: LiveCatalogue) -> list[str]:
    offer = found.current().offer("studio")
    assert offer is not None
    return [model.id for model in offer.models]


def one(offer: Offer, *found: Found) -> Model:
    return merged(offer, found).models[-1]


def test_a_listed_model_is_added_with_the_keys_of_the_one_it_is_like() -> None:
    added = one(
        STUDIO, Found(upstream="sketch-9", title="Nine", like="sketcher", options={"steps": 4})
    )
    assert (added.id, added.upstream, added.title) == ("sketch-9", "sketch-9", "Nine")
    assert (added.sizes, added.seed, dict(added.options)) == (SKETCHER.sizes, True, {"steps": 4})
    assert added.free


@pytest.mark.parametrize(
    ("found", "price"),
    [
        (Found(upstream="new", like="painter-2"), None),
        (Found(upstream="new", like="sketcher"), PerImage(prices={"*": FREE})),
        (Found(upstream="new", like="painter-2", price=PRICE), PRICE),
        (Found(upstream="priced", like="painter-2"), PRICE),
    ],
)
def test_a_price_is_its_own_or_the_operators_or_that_of_a_free_model(
    found: Found, price: PerImage | None
) -> None:
    assert one(replace(STUDIO, prices={"priced": PRICE}), found).price == price


@pytest.mark.parametrize(
    "found",
    [
        Found(upstream="new"),
        Found(upstream="new", like="nobody"),
        Found(upstream=PAINTER.upstream, like="sketcher"),
        Found(upstream="sketcher", like="sketcher"),
        Found(upstream="x" * 129, like="sketcher"),
        Found(upstream="n\u00e9w", like="sketcher"),
        Found(upstream="a\nb", like="sketcher"),
        Found(upstream="", like="sketcher"),
    ],
)
def test_what_is_known_or_like_nothing_or_has_no_name_is_not_added(found: Found) -> None:
    assert merged(STUDIO, [found]) == STUDIO


def test_nothing_is_added_to_what_the_operator_chose() -> None:
    chosen = replace(STUDIO, models=(PAINTER,), chosen=True)
    assert merged(chosen, [Found(upstream="new", like="sketcher")]) == chosen


def test_the_provider_knows_when_a_model_ends() -> None:
    found = merged(STUDIO, [Found(upstream=PAINTER.upstream, ends=ENDS)]).models[0]
    assert (found.ends, found.lifecycle) == (ENDS, Lifecycle.DEPRECATED)
    gone = replace(STUDIO, models=(replace(PAINTER, lifecycle=Lifecycle.ENDED, ends=ENDS),))
    assert merged(gone, [Found(upstream=PAINTER.upstream, ends=ENDS)]) == gone
    added = one(STUDIO, Found(upstream="new", like="sketcher", ends=ENDS))
    assert (added.ends, added.lifecycle) == (ENDS, Lifecycle.DEPRECATED)


async def test_what_is_listed_is_offered_and_the_others_stay() -> None:
    told = Counted()
    found = live(HandClock(), Lister(found=(Found(upstream="new", like="sketcher"),)), told)
    assert names(found) == ["painter-2", "sketcher"]
    await found.refresh({"studio", "other", "nobody"})
    assert names(found) == ["painter-2", "sketcher", "new"]
    assert found.current().offers[0] == replace(STUDIO, name="other")
    assert told.degraded == {"studio": False}


@pytest.mark.parametrize("fault", [ProviderUnavailable("away"), RuntimeError("secret words")])
async def test_one_that_fails_is_degraded_and_loses_nothing(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock, told = HandClock(), Counted()
    lister = Lister(found=(Found(upstream="new", like="sketcher"),))
    found = live(clock, lister, told)
    await found.refresh({"studio"})
    lister.fault = fault
    for _ in range(2):
        clock.advance(60)
        await found.refresh({"studio"})
    offer = found.current().offer("studio")
    assert offer is not None
    assert offer.degraded
    assert names(found) == ["painter-2", "sketcher", "new"]
    assert told.degraded == {"studio": True}
    assert caplog.text.count("models not listed") == 1
    lister.fault = None
    clock.advance(60)
    await found.refresh({"studio"})
    assert replace(offer, degraded=False) == found.current().offer("studio")


async def test_one_that_does_not_answer_is_given_up() -> None:
    found = live(HandClock(), Lister(hangs=True))
    await found.refresh({"studio"})
    assert found.current().offers[1].degraded


async def test_nobody_asks_again_at_once() -> None:
    clock, lister = HandClock(), Lister()
    found = live(clock, lister)
    await asyncio.gather(*(found.refresh({"studio"}) for _ in range(5)))
    assert lister.asked == 1
    clock.advance(15)
    await found.refresh({"studio"})
    assert lister.asked == 2


async def test_it_asks_at_the_start_and_again_when_it_is_due() -> None:
    clock, lister = HandClock(), Lister(fault=ProviderUnavailable("away"))
    found = live(clock, lister)
    task = asyncio.create_task(found.run())
    try:
        asked = []
        for seconds in (0, 61, 61, 60):
            clock.advance(seconds)
            await asyncio.sleep(1.2)
            asked.append(lister.asked)
        assert asked == [1, 2, 2, 3]
    finally:
        task.cancel()


async def test_without_anybody_to_ask_it_has_nothing_to_do() -> None:
    configured = Catalogue(offers=(STUDIO,))
    await LiveCatalogue(configured, {}, HandClock(), Counted()).run()


def test_a_listed_model_that_is_known_but_not_offered_is_added_under_its_name() -> None:
    relay = replace(STUDIO, models=(), known=(PAINTER, SKETCHER))
    offer = merged(relay, [Found(upstream=SKETCHER.id, like=SKETCHER.id)])
    assert [(each.id, each.sizes) for each in offer.models] == [(SKETCHER.id, SKETCHER.sizes)]
