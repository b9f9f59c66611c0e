"""Sizes chosen: always one the model makes, and of the shape that was asked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ask import RATIOS, SIZE_PRESETS, Ask
from imagewright.core.catalogue import Model, SizeRule
from imagewright.core.errors import Unsupported
from imagewright.core.pricing import formula_tokens
from imagewright.core.size import Size
from imagewright.core.sizing import choose_size, makes, may_choose, size_name
from tests.core.examples import ASK, CUSTOM, EDIT, LISTED, PAINTER, PHOTO, SQUARE, TALL, WIDE
from tests.core.strategies import asks, sizes

TOLERANCE = 0.02


@st.composite
def rules(draw: st.DrawFn) -> SizeRule:
    """Any rule whose fallback is listed."""
    listed = draw(
        st.lists(st.builds(Size, st.integers(64, 2048), st.integers(64, 2048)), min_size=1)
    )
    step = draw(st.sampled_from([None, 8, 16, 64]))
    return SizeRule(
        listed=tuple(listed),
        fallback=listed[0],
        step=step,
        edge=draw(st.integers(64, 2048)),
        min_edge=draw(st.integers(1, 512)),
        min_pixels=draw(st.integers(1, 600_000)),
        max_pixels=draw(st.integers(4096, 4_000_000)),
        ratio=draw(st.floats(1, 8)),
        auto=draw(st.booleans()),
    )


def of_rule(rule: SizeRule) -> Model:
    return replace(PAINTER, sizes=rule)


@given(ask=asks(), rule=rules())
def test_every_chosen_size_is_one_the_model_makes(ask: Ask, rule: SizeRule) -> None:
    try:
        size = choose_size(ask, of_rule(rule))
    except Unsupported:
        return
    assert rule.auto if size is None else makes(rule, size)


@given(ratio=st.sampled_from(RATIOS), rule=rules())
def test_a_chosen_shape_is_within_a_fiftieth_of_the_one_asked(ratio: str, rule: SizeRule) -> None:
    wide, high = (int(part) for part in ratio.split(":"))
    try:
        size = choose_size(replace(ASK, aspect_ratio=ratio), of_rule(rule))
    except Unsupported:
        return
    assert size is not None
    assert abs(size.width / size.height / (wide / high) - 1) <= TOLERANCE + 1e-9


@given(sizes)
def test_an_exact_size_is_kept_or_refused_never_changed(size: Size) -> None:
    ask = replace(ASK, size=str(size))
    if makes(CUSTOM, size):
        assert choose_size(ask, PAINTER) == size
    else:
        with pytest.raises(Unsupported, match=f"does not make {size}"):
            choose_size(ask, PAINTER)


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "4:5", "5:4", "3:4", "4:3", "21:9"])
def test_a_ratio_beside_the_list_gets_a_size_near_the_usual_in_pixels(ratio: str) -> None:
    size = choose_size(replace(ASK, aspect_ratio=ratio), PAINTER)

    assert size is not None
    assert abs(size.pixels / SQUARE.pixels - 1) < 0.05


def test_a_coarse_step_still_finds_the_ratio() -> None:
    coarse = of_rule(replace(CUSTOM, listed=(SQUARE,), step=64))

    assert choose_size(replace(ASK, aspect_ratio="4:5"), coarse) == Size(960, 1216)


@pytest.mark.parametrize(
    ("preset", "size"), [("square", SQUARE), ("landscape", WIDE), ("portrait", TALL)]
)
def test_a_preset_is_the_first_listed_size_of_its_shape(preset: str, size: Size) -> None:
    assert preset in SIZE_PRESETS
    assert choose_size(replace(ASK, size=preset), of_rule(LISTED)) == size


def test_a_ratio_that_no_size_has_is_refused_with_the_sizes_there_are() -> None:
    with pytest.raises(Unsupported, match="no size of the ratio 16:9") as refused:
        choose_size(replace(ASK, aspect_ratio="16:9"), of_rule(LISTED))

    assert refused.value.hint == "It makes: 1024x1024, 1536x1024, 1024x1536."
    assert refused.value.details == {"sizes": ["1024x1024", "1536x1024", "1024x1536"]}


def test_a_refusal_tells_the_bounds_of_free_sizes() -> None:
    with pytest.raises(Unsupported) as refused:
        choose_size(replace(ASK, aspect_ratio="1:8"), PAINTER)

    assert refused.value.hint == (
        "It makes: 1024x1024, 1536x1024, 1024x1536, any WIDTHxHEIGHT in steps of 16, "
        "edges 256 to 3840, 655360 to 8294400 pixels, ratio up to 3:1."
    )


def test_auto_is_left_to_a_model_that_chooses() -> None:
    assert choose_size(ASK, of_rule(replace(LISTED, auto=True))) is None
    assert choose_size(EDIT, of_rule(replace(LISTED, auto=True))) is None


def test_auto_is_the_usual_size_of_a_model_that_does_not_choose() -> None:
    assert choose_size(ASK, PAINTER) == SQUARE


def test_an_edit_keeps_the_first_images_size_where_the_model_makes_it() -> None:
    large = replace(EDIT, references=(replace(PHOTO, size=Size(2048, 1152)),))
    odd = replace(EDIT, references=(replace(PHOTO, size=Size(1001, 1001)),))

    assert choose_size(large, PAINTER) == Size(2048, 1152)
    assert choose_size(odd, PAINTER) == SQUARE


@pytest.mark.parametrize(
    "size",
    [
        Size(1025, 1024),
        Size(1024, 1025),
        Size(4000, 2000),
        Size(240, 4000),
        Size(256, 256),
        Size(3840, 3840),
        Size(3200, 1024),
    ],
)
def test_a_size_beyond_any_bound_is_not_made(size: Size) -> None:
    assert not makes(CUSTOM, size)


def test_a_listed_size_is_made_whatever_the_bounds() -> None:
    assert makes(replace(CUSTOM, listed=(Size(100, 100),)), Size(100, 100))


def test_a_model_of_listed_sizes_chooses_among_them() -> None:
    assert may_choose(replace(LISTED, auto=True)) == {SQUARE, WIDE, TALL}
    assert may_choose(CUSTOM) == {SQUARE, WIDE, TALL}


@given(rule=rules(), wide=st.integers(1, 256), high=st.integers(1, 256))
def test_nothing_a_model_may_choose_is_larger_or_takes_more_than_the_bound(
    rule: SizeRule, wide: int, high: int
) -> None:
    step = rule.step or 1
    size = Size(wide * step, high * step)
    if not makes(rule, size):
        return
    bounds = may_choose(replace(rule, auto=True))

    assert size.pixels <= max(bound.pixels for bound in bounds)
    assert formula_tokens(96, size) <= max(formula_tokens(96, bound) for bound in bounds)


NAMED = SizeRule(
    listed=(SQUARE, Size(1376, 768), Size(2752, 1536), Size(512, 512)),
    fallback=SQUARE,
    named={
        "1:1/1K": SQUARE,
        "1:1/512": Size(512, 512),
        "16:9/2K": Size(2752, 1536),
        "16:9/1K": Size(1376, 768),
    },
)


@pytest.mark.parametrize(
    ("asked", "size", "name"),
    [
        ({}, SQUARE, "1:1/1K"),
        ({"aspect_ratio": "16:9"}, Size(1376, 768), "16:9/1K"),
        ({"aspect_ratio": "16:9", "size": "2K"}, Size(2752, 1536), "16:9/2K"),
        ({"size": "512"}, Size(512, 512), "1:1/512"),
        ({"size": "2752x1536"}, Size(2752, 1536), "16:9/2K"),
        ({"size": "square"}, SQUARE, "1:1/1K"),
    ],
)
def test_a_named_size_is_found_by_ratio_and_tier(
    asked: dict[str, str], size: Size, name: str
) -> None:
    ask = Ask(prompt="a fox", **asked)  # type: ignore[arg-type] # texts, all of them
    found = choose_size(ask, of_rule(NAMED))
    assert (found, size_name(NAMED, found, ask.aspect_ratio)) == (size, name)


def test_of_two_names_for_one_size_the_one_of_the_ratio_is_used() -> None:
    rule = replace(NAMED, named={"1:1/1K": SQUARE, "5:4/1K": SQUARE})
    assert size_name(rule, SQUARE, "5:4") == "5:4/1K"
    assert size_name(rule, SQUARE) == "1:1/1K"
    assert size_name(rule, None) is None


def test_a_tier_of_free_sizes_is_the_nearest_in_pixels() -> None:
    size = choose_size(replace(ASK, size="2K", aspect_ratio="16:9"), PAINTER)
    assert size is not None
    assert abs(size.pixels / 2048**2 - 1) < 0.05
    assert abs(size.width / size.height / (16 / 9) - 1) <= TOLERANCE


@pytest.mark.parametrize(
    ("rule", "asked"),
    [(NAMED, "4K"), (LISTED, "1K"), (CUSTOM, "4K")],
)
def test_a_tier_that_a_model_does_not_have_is_refused(rule: SizeRule, asked: str) -> None:
    with pytest.raises(Unsupported, match="makes no 1:1 of"):
        choose_size(replace(ASK, size=asked), of_rule(rule))
