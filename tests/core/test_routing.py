"""Routing: capability first, then rules, preference, price and health; and it says why."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ask import Ask
from imagewright.core.catalogue import Catalogue, Model, Offer, PerImage, Profile
from imagewright.core.money import Nano
from imagewright.core.plan import Plan
from imagewright.core.resolve import Choosing, resolve
from imagewright.core.routing import Routing, Rule
from tests.core.examples import ASK, SKETCHER, TODAY

PHOTO = Rule(name="photo", words=("photo", "product shot"))
TEXT = Rule(name="text", words=("logo", "海报", "C++"))
RULES = (TEXT, PHOTO)


def model(name: str, price: int | None, *kinds: str, **changes: object) -> Model:
    profile = Profile(strengths=("x",), grammar="y", kinds=kinds)
    priced = None if price is None else PerImage(prices={"*": Nano(price)})
    return replace(SKETCHER, id=name, profile=profile, price=priced, **changes)  # type: ignore[arg-type] # fields of Model


def offer(name: str, *models: Model, degraded: bool = False) -> Offer:
    return Offer(name=name, title=name, models=models, degraded=degraded)


def routed(
    ask: Ask, *offers: Offer, routing: Routing | None = None, resting: tuple[str, ...] = ()
) -> Plan:
    choosing = Choosing(
        allowed=lambda *_: True,
        today=TODAY,
        routing=routing or Routing(rules=RULES),
        resting=frozenset(resting),
    )
    return resolve(ask, Catalogue(offers=offers), choosing)


DEAR = offer("dear", model("d", 9, "photo"))
MIDDLE = offer("middle", model("m", 5), model("m-text", 6, "text"))
CHEAP = offer("cheap", model("c", 2, "text"))
STAND_IN = offer("drawn", model("s", 0, stand_in=True))


def chosen(prompt: str, *offers: Offer, **more: object) -> tuple[str, str, str]:
    plan = routed(replace(ASK, prompt=prompt), *offers, **more)  # type: ignore[arg-type] # of `routed`
    return plan.provider, plan.model, plan.reason


def test_without_a_rule_or_a_preference_the_price_decides() -> None:
    assert chosen("a fox", DEAR, MIDDLE, CHEAP) == (
        "cheap",
        "c",
        "it has the lowest price ceiling",
    )


def test_capability_comes_before_all_else() -> None:
    ask = replace(ASK, n=10)
    cheap = offer("cheap", replace(CHEAP.models[0], count=1))
    dear = offer("dear", replace(DEAR.models[0], count=10))
    plan = routed(ask, cheap, dear)
    assert (plan.provider, plan.reason) == ("dear", "no other provider can do it")


def test_a_rule_wants_the_models_that_are_good_at_it_whatever_they_cost() -> None:
    assert chosen("A Photo of a fox", DEAR, MIDDLE, CHEAP) == (
        "dear",
        "d",
        "the rule photo wants it for the word photo",
    )
    assert chosen("a logo", MIDDLE, DEAR)[:2] == ("middle", "m-text")


def test_the_first_rule_counts_and_one_that_nobody_can_follow_does_not() -> None:
    assert chosen("photo of a logo", DEAR, MIDDLE, CHEAP)[0] == "cheap"
    assert chosen("photo of a logo", DEAR, offer("other", model("o", 1)))[0] == "dear"
    assert chosen("a logo", DEAR, offer("other", model("o", 1)))[0] == "other"


@pytest.mark.parametrize(
    ("prompt", "matches"),
    [
        ("a photo", True),
        ("PHOTO!", True),
        ("(photo)", True),
        ("photosynthesis", False),
        ("telephoto", False),
        ("a_photo", False),
        ("a product shot of a cup", True),
        ("product  shot", False),
    ],
)
def test_words_are_whole(prompt: str, matches: bool) -> None:
    assert (PHOTO.found(prompt) is not None) == matches


@pytest.mark.parametrize("prompt", ["一张狐狸海报", "in C++ style"])
def test_words_of_other_scripts_and_signs_are_found(prompt: str) -> None:
    assert TEXT.found(prompt) is not None


@pytest.mark.parametrize("prefer", [("middle",), ("middle/m",), ("*/m",), ("mid*",)])
def test_the_operator_says_who_a_rule_wants(prefer: tuple[str, ...]) -> None:
    routing = Routing(rules=(replace(PHOTO, prefer=prefer),))
    found = chosen("a photo", DEAR, MIDDLE, CHEAP, routing=routing)
    assert found == ("middle", "m", "the rule photo wants it for the word photo")


def test_the_operators_preference_comes_before_the_price() -> None:
    routing = Routing(first="dear", rules=RULES)
    assert chosen("a fox", CHEAP, DEAR, routing=routing) == (
        "dear",
        "d",
        "the operator prefers it",
    )
    assert chosen("a logo", CHEAP, DEAR, routing=routing)[0] == "cheap"


def test_one_without_a_price_comes_after_those_with_one() -> None:
    assert chosen("a fox", offer("untold", model("u", None)), DEAR)[0] == "dear"


def test_of_equal_prices_the_healthy_one_and_then_the_operators_order_decide() -> None:
    one, two = offer("one", model("a", 2), degraded=True), offer("two", model("b", 2))
    assert chosen("a fox", one, two)[0] == "two"
    assert chosen("a fox", replace(one, degraded=False), two)[0] == "one"


def test_one_that_is_left_alone_comes_last_and_that_is_said() -> None:
    assert chosen("a fox", CHEAP, DEAR, MIDDLE, resting=("cheap",)) == (
        "middle",
        "m",
        "it has the lowest price ceiling; cheap is left alone after failures",
    )
    assert chosen("a fox", CHEAP, resting=("cheap",))[0] == "cheap"


def test_a_stand_in_comes_last_unless_a_rule_wants_it() -> None:
    assert chosen("a fox", STAND_IN, DEAR)[0] == "dear"
    assert chosen("a fox", STAND_IN)[0] == "drawn"
    assert chosen("a fox", DEAR, STAND_IN, routing=Routing(first="drawn"))[0] == "drawn"
    drawn = offer("drawn", model("s", 0, "photo", stand_in=True))
    assert chosen("a photo", offer("other", model("o", 1)), drawn)[0] == "drawn"


def test_a_named_provider_is_taken_as_it_is() -> None:
    plan = routed(replace(ASK, provider="dear", prompt="a logo"), DEAR, CHEAP)
    assert (plan.provider, plan.reason, plan.fallbacks) == ("dear", "", ())


def fallbacks(*offers: Offer, **more: object) -> list[str]:
    plan = routed(ASK, *offers, **more)  # type: ignore[arg-type] # of `routed`
    return [each.provider for each in plan.fallbacks]


def test_fallbacks_cost_no_more_and_there_are_two_at_most() -> None:
    first = Routing(first="dear", rules=RULES)
    assert fallbacks(DEAR, MIDDLE, CHEAP, routing=first) == ["cheap", "middle"]
    assert fallbacks(DEAR, MIDDLE, CHEAP) == []
    more = offer("more", model("x", 1))
    assert fallbacks(DEAR, MIDDLE, CHEAP, more, routing=first) == ["more", "cheap"]


def test_nothing_free_falls_back_to_what_is_paid_and_no_picture_to_a_stand_in() -> None:
    free = offer("free", model("f", 0))
    assert fallbacks(free, CHEAP, STAND_IN) == []
    assert fallbacks(free, offer("also", model("a", 0)), CHEAP) == ["also"]
    assert fallbacks(DEAR, STAND_IN) == []


def test_one_without_a_price_neither_has_nor_is_a_fallback() -> None:
    untold = offer("untold", model("u", None))
    assert fallbacks(untold, CHEAP, routing=Routing(first="untold")) == []
    assert fallbacks(DEAR, untold) == []


def test_the_operator_turns_fallbacks_off() -> None:
    routing = Routing(first="dear", fallback=False)
    assert fallbacks(DEAR, CHEAP, routing=routing) == []


@given(
    st.lists(
        st.sampled_from([DEAR, MIDDLE, CHEAP, STAND_IN]), min_size=1, unique_by=lambda o: o.name
    ),
    st.sampled_from(["a fox", "a photo", "a logo"]),
    st.sets(st.sampled_from(["dear", "middle", "cheap"])),
)
def test_a_fallback_is_never_dearer_and_never_the_same(
    offers: list[Offer], prompt: str, resting: set[str]
) -> None:
    plan = routed(replace(ASK, prompt=prompt), *offers, resting=tuple(resting))
    every = {m.id: m for o in offers for m in o.models}

    def price(each: Plan) -> int:
        found = every[each.model].price
        assert isinstance(found, PerImage)
        return found.prices["*"]

    names = [plan.provider, *(each.provider for each in plan.fallbacks)]
    assert len(set(names)) == len(names)
    assert all(price(each) <= price(plan) for each in plan.fallbacks)
    assert all(not each.fallbacks for each in plan.fallbacks)
