"""Prices: a ceiling that no bill passes, and a cost only where the report tells one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ask import Quality
from imagewright.core.catalogue import Model, PerImage, PerToken
from imagewright.core.errors import Unpriced
from imagewright.core.money import FREE, Nano
from imagewright.core.plan import Plan
from imagewright.core.pricing import actual, ceiling, formula_tokens
from imagewright.core.size import Size
from imagewright.core.sizing import makes
from imagewright.core.spending import Usage
from tests.core.examples import (
    ASK,
    CUSTOM,
    EDIT,
    LISTED,
    OTHER,
    PAINTER,
    PHOTO,
    PLAN,
    SQUARE,
    TOKENS,
    WIDE,
)
from tests.core.strategies import words

LOW_SQUARE = 196
WRAPPING = 64
LEVELS = (Quality.LOW, Quality.MEDIUM, Quality.HIGH)
CHOOSER = replace(PAINTER, sizes=replace(CUSTOM, auto=True))
EDITED = replace(PLAN, ask=EDIT, prompt=EDIT.prompt)


def at_most(plan: Plan, model: Model = PAINTER) -> int:
    return ceiling(plan, model).amount


def per_image(**prices: int) -> Model:
    return replace(
        PAINTER, price=PerImage(prices={key: Nano(value) for key, value in prices.items()})
    )


amounts = st.integers(0, 90_000).map(Nano)
prices = st.builds(
    PerToken,
    text_in=amounts,
    image_in=amounts,
    image_out=amounts,
    base=st.tuples(*[st.integers(1, 96)] * 3).map(
        lambda grids: dict(zip(LEVELS, grids, strict=True))
    ),
    reference=st.integers(1, 5_000),
    partial=st.integers(0, 200),
    text_out=amounts,
    words=st.integers(0, 5_000),
    reader_in=st.just(FREE) | amounts,
    reading=st.integers(0, 5_000),
)


@st.composite
def bills(draw: st.DrawFn) -> tuple[Plan, Model, Usage]:
    """A plan, its model, and a usage that the plan allows."""
    price = draw(prices)
    model = replace(CHOOSER, price=price)
    sizes = st.builds(Size, st.integers(16, 240), st.integers(16, 240)).map(
        lambda size: Size(size.width * 16, size.height * 16)
    )
    made = sizes.filter(lambda size: makes(CUSTOM, size))
    inputs = draw(st.integers(0, 4))
    start = replace(EDIT, references=(PHOTO,) * inputs) if inputs else ASK
    ask = replace(start, n=draw(st.integers(1, 10)), partial_images=draw(st.integers(0, 3)))
    plan = replace(
        PLAN,
        ask=replace(ask, mask=PHOTO) if inputs and draw(st.booleans()) else ask,
        prompt=draw(words),
        negative_prompt=draw(st.none() | words),
        size=draw(st.none() | made),
        quality=draw(st.none() | st.sampled_from(LEVELS)),
    )
    count = len(plan.ask.references) + (plan.ask.mask is not None)
    text = len(plan.prompt.encode()) + len((plan.negative_prompt or "").encode())
    output = sum(
        formula_tokens(
            price.base[plan.quality or draw(st.sampled_from(LEVELS))], plan.size or draw(made)
        )
        + price.partial * draw(st.integers(0, plan.ask.partial_images))
        for _ in range(plan.ask.n)
    )
    asked = max(text, price.words) if price.reader_in else text
    most_read = text + WRAPPING + count * price.reference + price.reading
    usage = Usage(
        output_tokens=output,
        text_tokens=plan.ask.n * draw(st.integers(0, asked + WRAPPING)),
        image_tokens=plan.ask.n * count * draw(st.integers(0, price.reference)),
        word_tokens=plan.ask.n * draw(st.integers(0, price.words)),
        reader_tokens=plan.ask.n * draw(st.integers(0, most_read)),
    )
    return plan, model, usage


@given(bills())
def test_no_usage_that_a_plan_allows_costs_more_than_its_ceiling(
    bill: tuple[Plan, Model, Usage],
) -> None:
    plan, model, usage = bill
    cost = actual(usage, plan, model)

    assert cost is not None
    assert cost <= at_most(plan, model)


def test_a_ceiling_is_the_pictures_tokens_and_the_prompts_bytes() -> None:
    text = len("A red fox") + WRAPPING

    assert at_most(PLAN) == LOW_SQUARE * 30_000 + text * 5_000
    assert not ceiling(PLAN, PAINTER).estimate


def test_every_picture_is_counted() -> None:
    assert at_most(replace(PLAN, ask=replace(ASK, n=7))) == 7 * at_most(PLAN)


def test_every_partial_of_every_picture_is_counted() -> None:
    ask = replace(ASK, n=4, partial_images=3)

    assert at_most(replace(PLAN, ask=ask)) == 4 * (at_most(PLAN) + 3 * 100 * 30_000)


def test_words_beside_every_picture_are_counted_and_make_it_an_estimate() -> None:
    talker = replace(PAINTER, price=replace(TOKENS, text_out=Nano(7_000), words=500))
    plan = replace(PLAN, ask=replace(ASK, n=2))

    assert at_most(plan, talker) - at_most(plan) == 2 * 500 * 7_000
    assert ceiling(plan, talker).estimate
    assert actual(Usage(output_tokens=1, text_tokens=0, word_tokens=3), plan, talker) == 51_000
    assert actual(Usage(output_tokens=1, text_tokens=0), plan, talker) is None


def test_what_a_text_model_reads_and_asks_for_is_counted() -> None:
    priced = replace(TOKENS, text_out=Nano(7), words=500, reader_in=Nano(11), reading=1_000)
    reader = replace(PAINTER, price=priced)
    text = len("A red fox") + WRAPPING
    asked = 500 + WRAPPING
    more = 500 * 7 + (text + 1_000) * 11 + (asked - text) * 5_000

    assert at_most(PLAN, reader) - at_most(PLAN) == more
    told = Usage(output_tokens=1, text_tokens=0, word_tokens=0, reader_tokens=2)
    assert actual(told, PLAN, reader) == 30_000 + 22
    assert actual(replace(told, reader_tokens=None), PLAN, reader) is None


def test_the_prompt_counts_in_bytes_with_what_is_to_be_avoided() -> None:
    longer = replace(PLAN, prompt=PLAN.prompt + "狐", negative_prompt="été")

    assert at_most(longer) - at_most(PLAN) == (3 + 5) * 5_000


def test_every_input_image_and_the_mask_are_counted_for_every_picture() -> None:
    ask = replace(EDIT, n=3, references=(PHOTO, OTHER), mask=PHOTO)
    without = replace(PAINTER, price=replace(TOKENS, image_in=FREE))
    plan = replace(EDITED, ask=ask)

    assert at_most(plan) - at_most(plan, without) == 3 * 3 * 2_000 * 8_000
    assert ceiling(plan, PAINTER).estimate


def test_a_quality_left_to_the_model_is_counted_as_its_dearest() -> None:
    left = at_most(replace(PLAN, quality=None))

    assert left == max(at_most(replace(PLAN, quality=level)) for level in LEVELS)
    assert left == at_most(replace(PLAN, quality=Quality.HIGH))


def test_a_size_left_to_the_model_is_counted_as_the_dearest_it_may_choose() -> None:
    left = at_most(replace(PLAN, size=None), CHOOSER)

    assert left == at_most(replace(PLAN, size=Size(2880, 2880)))
    assert left > at_most(replace(PLAN, size=Size(3840, 2160)))


def test_a_size_left_to_a_model_of_listed_sizes_is_the_dearest_of_them() -> None:
    table = {"high/1024x1024": 10, "high/1536x1024": 30, "high/1024x1536": 20}
    model = replace(
        PAINTER, sizes=replace(LISTED, auto=True), price=replace(TOKENS, base={}, table=table)
    )
    left = ceiling(replace(PLAN, quality=Quality.HIGH, size=None), model)

    assert left == ceiling(replace(PLAN, quality=Quality.HIGH, size=WIDE), model)
    assert left.estimate


def test_a_model_without_levels_is_counted_by_its_table_at_high() -> None:
    model = replace(
        PAINTER, qualities=(), price=replace(TOKENS, base={}, table={"high/1024x1024": 1_120})
    )
    text = len("A red fox") + WRAPPING

    assert at_most(replace(PLAN, quality=None), model) == 1_120 * 30_000 + text * 5_000


@pytest.mark.parametrize(
    ("prices", "quality", "cost"),
    [
        ({"low/1024x1024": 1, "low": 2, "1024x1024": 3, "*": 4}, Quality.LOW, 1),
        ({"low": 2, "1024x1024": 3, "*": 4}, Quality.LOW, 2),
        ({"high": 2, "1024x1024": 3, "*": 4}, Quality.LOW, 3),
        ({"high": 2, "1536x1024": 3, "*": 4}, Quality.LOW, 4),
        ({"low": 2, "medium": 5, "high": 9}, None, 9),
        ({"low": 2, "*": 5}, None, 5),
    ],
)
def test_a_price_a_picture_is_the_first_that_fits(
    prices: dict[str, int], quality: Quality | None, cost: int
) -> None:
    plan = replace(PLAN, ask=replace(ASK, n=3), quality=quality)

    assert ceiling(plan, per_image(**prices)).amount == 3 * cost
    assert not ceiling(plan, per_image(**prices)).estimate


def test_a_model_without_levels_costs_what_its_size_does_before_what_any_does() -> None:
    model = replace(per_image(**{"1024x1024": 9, "*": 1}), qualities=())

    assert at_most(replace(PLAN, quality=None), model) == 9


@pytest.mark.parametrize(
    ("plan", "model", "says"),
    [
        (PLAN, replace(PAINTER, price=None), "has no price, so it cannot be counted"),
        (PLAN, per_image(high=1), "no price for low quality at 1024x1024"),
        (replace(PLAN, quality=None), per_image(low=1, high=1), "for medium quality at 1024x1024"),
        (replace(PLAN, quality=None), replace(per_image(), qualities=()), "price for 1024x1024"),
        (
            PLAN,
            replace(PAINTER, price=replace(TOKENS, base={})),
            "no price for low quality at 1024x1024",
        ),
        (
            replace(PLAN, quality=None),
            replace(PAINTER, qualities=(), price=replace(TOKENS, base={})),
            "no price for 1024x1024",
        ),
        (
            EDITED,
            replace(PAINTER, price=replace(TOKENS, reference=0)),
            "no price for input images",
        ),
    ],
)
def test_what_has_no_price_is_refused(plan: Plan, model: Model, says: str) -> None:
    with pytest.raises(Unpriced, match=says) as refused:
        ceiling(plan, model)

    assert refused.value.hint


def test_input_images_that_cost_nothing_need_no_bound() -> None:
    free = replace(PAINTER, price=replace(TOKENS, image_in=FREE, reference=0))

    assert ceiling(EDITED, free).amount


def test_a_price_in_the_report_is_the_cost() -> None:
    assert actual(Usage(cost=Nano(7), output_tokens=1), PLAN, PAINTER) == 7


def test_reported_tokens_cost_their_prices() -> None:
    usage = Usage(output_tokens=196, text_tokens=10, image_tokens=40)

    assert actual(usage, EDITED, PAINTER) == 196 * 30_000 + 10 * 5_000 + 40 * 8_000


def test_reported_pictures_cost_their_price() -> None:
    assert actual(Usage(pictures=2), PLAN, per_image(low=5)) == 10
    assert actual(Usage(pictures=0), PLAN, per_image(low=5)) == 0


def test_a_report_without_image_tokens_tells_all_of_a_plan_without_images() -> None:
    assert actual(Usage(output_tokens=1, text_tokens=0), PLAN, PAINTER) == 30_000


def test_tokens_that_cost_nothing_need_no_report() -> None:
    gift = replace(PAINTER, price=replace(TOKENS, text_in=FREE, image_in=FREE))

    assert actual(Usage(output_tokens=1), EDITED, gift) == 30_000


@pytest.mark.parametrize(
    ("usage", "plan", "model"),
    [
        (Usage(), PLAN, PAINTER),
        (Usage(text_tokens=1), PLAN, PAINTER),
        (Usage(output_tokens=1), PLAN, PAINTER),
        (Usage(output_tokens=1, text_tokens=1), EDITED, PAINTER),
        (Usage(pictures=1), PLAN, PAINTER),
        (Usage(output_tokens=1, text_tokens=1), PLAN, per_image(low=1)),
        (Usage(pictures=1), PLAN, per_image(high=1)),
        (Usage(pictures=1, output_tokens=1), PLAN, replace(PAINTER, price=None)),
    ],
)
def test_a_report_that_leaves_out_what_has_a_price_tells_no_cost(
    usage: Usage, plan: Plan, model: Model
) -> None:
    assert actual(usage, plan, model) is None


@given(st.integers(1, 96), st.integers(1, 4_000), st.integers(1, 4_000))
def test_the_formula_does_not_care_which_side_is_longer(base: int, one: int, other: int) -> None:
    assert formula_tokens(base, Size(one, other)) == formula_tokens(base, Size(other, one))


@pytest.mark.parametrize(
    ("base", "size", "tokens"),
    [
        (16, SQUARE, LOW_SQUARE),
        (96, Size(3840, 2160), 13_342),
        (16, Size(1024, 672), 16 * 11 * (2_000_000 + 1024 * 672) // 4_000_000 + 1),
        (1, Size(9_999, 1), 1),
    ],
)
def test_the_formula_rounds_cells_half_up_and_tokens_up(base: int, size: Size, tokens: int) -> None:
    assert formula_tokens(base, size) == tokens
