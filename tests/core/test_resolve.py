"""Resolving: the first model that can, and a refusal that says what can be done instead."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given

from imagewright.core.ask import Ask, Background, Fidelity, Moderation, Quality
from imagewright.core.catalogue import Catalogue, Lifecycle, Model, Offer
from imagewright.core.errors import Fault, UnknownModel, UnknownProvider, Unsupported
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.resolve import Allowed, Choosing, resolve
from imagewright.core.routing import Routing
from imagewright.core.sizing import makes
from tests.core.examples import ASK, CATALOGUE, EDIT, PAINTER, PHOTO, SKETCHER, SQUARE, TODAY
from tests.core.strategies import asks

OLD = replace(PAINTER, id="painter-1", lifecycle=Lifecycle.ENDED, successor="painter-2")


def everything(_provider: str, _model: str) -> bool:
    return True


def only(*models: Model) -> Catalogue:
    return Catalogue(offers=(Offer(name="studio", title="Studio", models=models),))


def planned(ask: Ask, catalogue: Catalogue = CATALOGUE, allowed: Allowed = everything) -> Plan:
    choosing = Choosing(allowed=allowed, today=TODAY, routing=Routing(first="studio"))
    return resolve(ask, catalogue, choosing)


def refusal(ask: Ask, catalogue: Catalogue = CATALOGUE, allowed: Allowed = everything) -> Fault:
    with pytest.raises(Fault) as refused:
        planned(ask, catalogue, allowed)
    return refused.value


def test_an_ask_that_leaves_all_open_gets_the_first_models_usual() -> None:
    assert planned(ASK) == Plan(
        ask=ASK,
        provider="studio",
        model="painter-2",
        upstream="painter-2-2026-09-08",
        prompt="A red fox",
        negative_prompt=None,
        size=SQUARE,
        quality=None,
        background=None,
        output_format=Format.PNG,
        output_compression=None,
        asked=ASK.digest(),
        reason="the operator prefers it",
        fallbacks=(replace(planned(replace(ASK, provider="local")), ask=ASK, asked=ASK.digest()),),
        warnings=(),
    )


def test_everything_asked_stands_in_the_plan() -> None:
    ask = replace(
        EDIT,
        provider="studio",
        model="painter-2",
        n=10,
        size="2048x1152",
        quality=Quality.HIGH,
        background=Background.TRANSPARENT,
        output_format=Format.WEBP,
        output_compression=80,
        moderation=Moderation.LOW,
        partial_images=3,
        references=(PHOTO,) * 16,
        mask=PHOTO,
        input_fidelity=Fidelity.HIGH,
    )
    plan = planned(ask)

    assert plan.ask == ask
    assert (str(plan.size), plan.quality, plan.background) == ("2048x1152", "high", "transparent")
    assert (plan.output_format, plan.output_compression) == (Format.WEBP, 80)


@given(asks())
def test_a_plan_is_made_by_a_model_that_can_do_it(ask: Ask) -> None:
    try:
        plan = planned(replace(ask, provider="auto", model="auto"))
    except Unsupported:
        return
    model = {PAINTER.id: PAINTER, SKETCHER.id: SKETCHER}[plan.model]
    assert plan.size is not None
    assert makes(model.sizes, plan.size)
    assert plan.output_format in model.formats
    assert plan.ask.n <= model.count
    assert len(plan.ask.references) <= model.references


def test_auto_passes_over_models_that_cannot_in_the_operators_order() -> None:
    assert planned(replace(ASK, seed=7)).model == "sketcher"
    assert planned(ASK, only(OLD, PAINTER)).model == "painter-2"


def test_when_none_can_the_first_ones_reason_is_given() -> None:
    assert "painter-2 takes no seed" in refusal(replace(ASK, seed=7, n=2)).sentence


def test_a_named_provider_or_model_is_the_only_one_tried() -> None:
    assert planned(replace(ASK, provider="local")).model == "sketcher"
    assert planned(replace(ASK, model="sketcher")).provider == "local"
    assert refusal(replace(ASK, model="painter-2", seed=7)).code == "unsupported"
    assert refusal(replace(ASK, provider="studio", seed=7)).code == "unsupported"


def test_an_unknown_provider_is_told_those_there_are() -> None:
    fault = refusal(replace(ASK, provider="nobody"))

    assert isinstance(fault, UnknownProvider)
    assert fault.details == {"providers": ["studio", "local"]}
    assert fault.hint == "Providers are: studio, local."


def test_an_unknown_model_is_told_those_there_are_once_each() -> None:
    twice = Catalogue(offers=(*CATALOGUE.offers, Offer(name="relay", title="", models=(PAINTER,))))
    fault = refusal(replace(ASK, model="nothing"), twice)

    assert isinstance(fault, UnknownModel)
    assert fault.details == {"models": ["painter-2", "sketcher"]}
    assert fault.hint == "Models are: painter-2, sketcher."


def test_an_unknown_model_of_a_named_provider_is_told_that_providers_models() -> None:
    fault = refusal(replace(ASK, provider="local", model="painter-2"))

    assert fault.details == {"models": ["sketcher"]}


def test_a_hidden_provider_cannot_be_told_from_one_that_is_not_there() -> None:
    without = Catalogue(offers=CATALOGUE.offers[1:])
    asked = [
        replace(ASK, provider="studio"),
        replace(ASK, model="painter-2"),
        replace(ASK, provider="studio", model="painter-2"),
        replace(ASK, model="nothing"),
        replace(ASK, n=2),
    ]

    for ask in asked:
        hidden = refusal(ask, allowed=lambda provider, _: provider != "studio")
        assert hidden.public() == refusal(ask, without).public()


def test_a_hidden_model_cannot_be_told_from_one_that_is_not_there() -> None:
    both, one = only(PAINTER, SKETCHER), only(SKETCHER)

    for ask in (replace(ASK, model="painter-2"), replace(ASK, n=2)):
        hidden = refusal(ask, both, lambda _, model: model != "painter-2")
        assert hidden.public() == refusal(ask, one).public()


def test_with_nothing_allowed_there_is_no_provider_and_no_model() -> None:
    def nothing(_provider: str, _model: str) -> bool:
        return False

    assert refusal(ASK, allowed=nothing).details == {"providers": []}
    assert refusal(replace(ASK, provider="studio"), allowed=nothing).hint == "Providers are: none."
    assert refusal(replace(ASK, model="painter-2"), allowed=nothing).hint == "Models are: none."


@pytest.mark.parametrize(
    "model",
    [
        OLD,
        replace(OLD, lifecycle=Lifecycle.DEPRECATED, ends=TODAY),
        replace(OLD, lifecycle=Lifecycle.CURRENT, ends=date(2026, 11, 20)),
    ],
)
def test_a_model_that_was_shut_down_names_its_successor(model: Model) -> None:
    fault = refusal(ASK, only(model))

    assert fault.sentence == "The model painter-1 has been shut down by its provider."
    assert fault.hint == "Use painter-2."


def test_a_model_that_was_shut_down_without_a_successor_says_to_choose() -> None:
    assert refusal(ASK, only(replace(OLD, successor=None))).hint == "Choose another model."


def test_a_deprecated_model_works_until_the_day_it_ends() -> None:
    late = replace(OLD, lifecycle=Lifecycle.DEPRECATED, ends=date(2026, 11, 22))

    assert planned(ASK, only(late)).model == "painter-1"


@pytest.mark.parametrize(
    ("ask", "can", "what", "hint"),
    [
        (EDIT, {"references": 0}, "cannot edit", "Choose a model that takes references."),
        (
            replace(EDIT, references=(PHOTO,) * 3),
            {"references": 2},
            "takes at most 2 input images",
            "Name at most 2.",
        ),
        (replace(EDIT, mask=PHOTO), {"mask": False}, "takes no mask", "Leave the mask out, or"),
        (replace(ASK, n=3), {"count": 2}, "makes at most 2 images", "Ask for 2."),
        (
            replace(ASK, quality=Quality.MAX),
            {},
            "has no quality max",
            "Levels are: auto, low, medium, high.",
        ),
        (
            replace(ASK, quality=Quality.LOW),
            {"qualities": ()},
            "has no quality low",
            "Leave the quality out.",
        ),
        (
            replace(ASK, background=Background.TRANSPARENT),
            {"backgrounds": (Background.OPAQUE,)},
            "makes no transparent background",
            "It makes: opaque.",
        ),
        (
            replace(ASK, partial_images=2),
            {"partials": 1},
            "sends at most 1 partial images",
            "Ask for 1.",
        ),
        (replace(ASK, seed=0), {}, "takes no seed", "Leave seed out."),
        (replace(EDIT, strength=0.0), {}, "takes no strength", "Leave strength out."),
        (
            replace(ASK, moderation=Moderation.LOW),
            {"moderations": (Moderation.AUTO,)},
            "does not take moderation low",
            "It takes: auto.",
        ),
        (
            replace(ASK, moderation=Moderation.LOW),
            {"moderations": ()},
            "does not take moderation low",
            "Leave moderation out.",
        ),
        (
            replace(EDIT, input_fidelity=Fidelity.LOW),
            {},
            "does not take input_fidelity low",
            "It takes: high.",
        ),
        (
            replace(ASK, output_format=Format.GIF),
            {},
            "cannot make gif",
            "Formats that fit: png, jpeg, webp.",
        ),
        (
            replace(ASK, output_format=Format.JPEG, background=Background.TRANSPARENT),
            {},
            "cannot make jpeg",
            "Formats that fit: png, webp.",
        ),
        (
            replace(ASK, background=Background.TRANSPARENT),
            {"formats": (Format.JPEG,)},
            "cannot make transparent pictures",
            "Formats that fit: none.",
        ),
        (
            replace(ASK, output_compression=50),
            {},
            "takes no output_compression for png",
            "Leave output_compression out, or ask for webp or jpeg.",
        ),
        (
            replace(ASK, output_compression=50, output_format=Format.WEBP),
            {"compression": False},
            "takes no output_compression for webp",
            "Leave output_compression out",
        ),
        (replace(ASK, size="100x100"), {}, "does not make 100x100", "It makes: 1024x1024, "),
    ],
)
def test_a_refusal_says_what_the_model_can_do(
    ask: Ask, can: dict[str, Any], what: str, hint: str
) -> None:
    fault = refusal(ask, only(replace(PAINTER, **can)))

    assert isinstance(fault, Unsupported)
    assert fault.sentence.startswith(f"The model painter-2 {what}")
    assert fault.hint.startswith(hint)


def test_a_seed_of_nothing_and_a_strength_of_nothing_are_still_asked_for() -> None:
    able = only(replace(SKETCHER, references=1))
    plan = planned(replace(EDIT, seed=0, strength=0.0), able)

    assert (plan.ask.seed, plan.ask.strength) == (0, 0.0)


def test_transparent_pictures_get_a_format_with_alpha() -> None:
    jpeg_first = only(replace(PAINTER, formats=(Format.JPEG, Format.WEBP)))

    assert planned(ASK, jpeg_first).output_format is Format.JPEG
    transparent = replace(ASK, background=Background.TRANSPARENT)
    assert planned(transparent, jpeg_first).output_format is Format.WEBP


def test_a_negative_prompt_is_passed_on_to_a_model_that_takes_it() -> None:
    plan = planned(replace(ASK, negative_prompt="dogs", model="sketcher"))

    assert (plan.prompt, plan.negative_prompt, plan.warnings) == ("A red fox", "dogs", ())


def test_a_negative_prompt_is_put_into_words_for_another_and_that_is_said() -> None:
    plan = planned(replace(ASK, negative_prompt="dogs", model="painter-2"))

    assert (plan.prompt, plan.negative_prompt) == ("A red fox\n\nAvoid: dogs", None)
    assert len(plan.warnings) == 1
    assert "painter-2 has no negative prompt" in plan.warnings[0]


def test_a_negative_prompt_that_makes_the_prompt_too_long_is_refused() -> None:
    fault = refusal(replace(ASK, prompt="x" * 31_990, negative_prompt="dogs", model="painter-2"))

    assert "32000 characters in all" in fault.sentence
    assert fault.hint == "Shorten the prompt or the negative prompt."
