"""Defaults: only for what was left out, and only where they fit."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from imagewright.core.ask import DEFAULTABLE, Ask, Background, Quality
from imagewright.core.catalogue import Catalogue, Offer
from imagewright.core.defaults import fill, left_out, narrowed
from imagewright.core.errors import InvalidRequest
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.resolve import Choosing, resolve
from imagewright.core.size import Size
from imagewright.core.wording import Wording
from tests.core.examples import ASK, EDIT, PAINTER, SKETCHER, TODAY
from tests.core.strategies import asks

LEFT = replace(ASK, left=DEFAULTABLE)


def planned(ask: Ask, defaults: dict[str, object], *, sketcher: bool = False) -> Plan:
    model = SKETCHER if sketcher else PAINTER
    offer = Offer(
        name="studio",
        title="Studio",
        models=(model,),
        wording=Wording(templates={"house": "House style: {prompt}"}),
        defaults=defaults,
    )
    choosing = Choosing(allowed=lambda *_: True, today=TODAY)
    return resolve(ask, Catalogue(offers=(offer,)), choosing)


@pytest.mark.parametrize("nothing", [None, "", "auto", []])
def test_null_empty_and_auto_are_left_out(nothing: object) -> None:
    assert left_out(dict.fromkeys(DEFAULTABLE, nothing)) == DEFAULTABLE
    assert left_out({}) == DEFAULTABLE


def test_what_is_given_is_not_left_out() -> None:
    assert "n" not in left_out({"n": 1})
    assert "partial_images" not in left_out({"partial_images": 0})


def test_only_what_somebody_has_a_default_for_makes_another_ask() -> None:
    assert narrowed(LEFT, {"n"}).left == ("n",)
    assert narrowed(LEFT, ()) == ASK


def test_no_default_can_stand_in_for_the_prompt() -> None:
    with pytest.raises(InvalidRequest):
        replace(ASK, left=("prompt",))


@pytest.mark.parametrize(
    ("default", "attribute", "value"),
    [
        ({"n": 2}, "ask.n", 2),
        ({"size": "1536x1024"}, "size", Size(1536, 1024)),
        ({"aspect_ratio": "2:3"}, "size", Size(1024, 1536)),
        ({"quality": Quality.LOW}, "quality", Quality.LOW),
        ({"background": Background.TRANSPARENT}, "background", Background.TRANSPARENT),
        ({"output_format": Format.WEBP}, "output_format", Format.WEBP),
        ({"template": "house"}, "prompt", "House style: A red fox"),
        ({"negative_prompt": "dogs"}, "prompt", "A red fox\n\nAvoid: dogs"),
        ({"folder": "team"}, "ask.folder", "team"),
        ({"tags": ("team",)}, "ask.tags", ("team",)),
    ],
)
def test_a_default_stands_in_for_what_was_left_out(
    default: dict[str, object], attribute: str, value: object
) -> None:
    found: Any = planned(LEFT, default)
    for name in attribute.split("."):
        found = getattr(found, name)
    assert found == value


def test_what_was_given_is_kept() -> None:
    ask = replace(ASK, n=1, quality=Quality.HIGH, left=("size",))
    plan = planned(ask, {"n": 3, "quality": Quality.LOW})
    assert (plan.ask.n, plan.quality) == (1, Quality.HIGH)


def test_a_default_that_does_not_fit_is_left_out_and_the_others_stay() -> None:
    defaults: dict[str, object] = {
        "quality": Quality.LOW,
        "template": "mansion",
        "strength": 0.5,
        "seed": 7,
    }
    plan = planned(LEFT, defaults, sketcher=True)
    assert (plan.quality, plan.prompt, plan.ask.strength, plan.ask.seed) == (
        None,
        "A red fox",
        None,
        7,
    )


def test_a_default_ratio_gives_way_to_a_size_in_pixels() -> None:
    ask = replace(ASK, size="1024x1024", left=("aspect_ratio",))
    assert planned(ask, {"aspect_ratio": "2:3"}).size == Size(1024, 1024)


@given(asks())
def test_without_defaults_an_ask_stays_as_it_was(ask: Ask) -> None:
    assert fill(ask, {}, lambda _: None) == replace(ask, left=())


def test_the_plan_knows_the_ask_as_it_was_given() -> None:
    plan = planned(LEFT, {"n": 2})
    assert plan.asked == LEFT.digest()
    assert plan.ask.digest() != plan.asked
    assert planned(EDIT, {}).asked == EDIT.digest() == planned(EDIT, {}).ask.digest()
