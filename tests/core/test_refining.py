"""Refinements resolved: who does them, and what they are told of what led to the image."""

from dataclasses import replace
from typing import Any

from imagewright.core.ask import Ask
from imagewright.core.catalogue import Catalogue, Offer
from imagewright.core.conversation import Continued
from imagewright.core.resolve import Choosing, resolve
from imagewright.core.wording import Wording
from tests.core.examples import CATALOGUE, EDIT, PAINTER, PHOTO, TODAY
from tests.core.test_resolve import everything, planned


def refined(earlier: tuple[str, ...] = ("A fox",), **changes: Any) -> Ask:
    told = {"provider": "other", "model": "sketcher", "left": False, **changes}
    return replace(
        EDIT,
        continued=Continued(image=PHOTO.image, conversation="cnv_a", earlier=earlier, **told),
    )


MANY = Catalogue(
    offers=(
        Offer(name="studio", title="Studio", models=(PAINTER, replace(PAINTER, id="painter-3"))),
        Offer(name="other", title="Other", models=(replace(PAINTER, id="sketcher"),)),
    )
)


def test_a_refinement_goes_to_the_model_that_made_the_image() -> None:
    plan = planned(refined(), MANY)
    assert (plan.provider, plan.model, plan.reason) == ("other", "sketcher", "it made the image")
    assert plan.fallbacks == ()
    named = refined(provider="studio", model="painter-3")
    assert planned(named, MANY).model == "painter-3"
    assert planned(replace(named, provider="studio"), MANY).model == "painter-3"
    assert planned(replace(named, provider="other"), MANY).model == "sketcher"


def test_a_refinement_goes_elsewhere_where_its_maker_cannot_or_rests() -> None:
    assert planned(replace(refined(), seed=None), CATALOGUE).provider == "studio"
    choosing = Choosing(allowed=everything, today=TODAY, resting=frozenset({"other"}))
    assert resolve(refined(), MANY, choosing).provider == "studio"
    assert planned(refined(provider="local", model="sketcher"), CATALOGUE).provider == "studio"


def test_the_provider_goes_on_from_what_it_left_without_being_told_again() -> None:
    plan = planned(refined(left=True), MANY)
    assert (plan.resumed, plan.prompt, plan.warnings) == (True, EDIT.prompt, ())
    other = planned(replace(refined(left=True), model="painter-3"), MANY)
    assert (other.resumed, other.prompt) == (False, "Earlier: A fox\nNow: Make it blue")


def test_earlier_prompts_are_told_in_words_and_that_is_said() -> None:
    one = planned(refined(), MANY)
    assert one.prompt == "Earlier: A fox\nNow: Make it blue"
    assert one.warnings == ("sketcher is told the 1 earlier prompt of the conversation in words.",)
    more = planned(refined(("A fox", "in snow"), cut=True), MANY)
    assert more.warnings == (
        "sketcher is told the 2 earlier prompts of the conversation in words.",
        "The oldest prompts of the conversation had no room and were left out.",
    )
    assert planned(refined(()), MANY).warnings == ()


def test_earlier_prompts_without_room_are_left_out_and_that_is_said() -> None:
    plan = planned(refined(("x" * 32_000,)), MANY)
    assert plan.prompt == EDIT.prompt
    assert plan.warnings == (
        "The oldest prompts of the conversation had no room and were left out.",
    )
    long = planned(refined(("y" * 16_000, "x" * 16_000)), MANY)
    assert "y" not in long.prompt
    assert len(long.prompt) <= 32_000


def test_the_operators_words_stand_around_a_whole_conversation() -> None:
    wording = Wording(templates={"t": "<{prompt}>"})
    catalogue = Catalogue(offers=(replace(MANY.offers[1], wording=wording),))
    plan = planned(replace(refined(), template="t", negative_prompt="dogs"), catalogue)
    assert plan.prompt == "<Earlier: A fox\nNow: Make it blue>\n\nAvoid: dogs"
