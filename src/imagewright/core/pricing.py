"""What an ask may cost at most, and what a report of usage comes to."""

from dataclasses import dataclass

from imagewright.core.ask import Quality
from imagewright.core.catalogue import Model, PerImage, PerToken, Price
from imagewright.core.errors import Unpriced
from imagewright.core.money import Nano
from imagewright.core.plan import Plan
from imagewright.core.size import Size
from imagewright.core.sizing import may_choose
from imagewright.core.spending import Usage

_WRAPPING = 64
"""Text tokens that a vendor may put around a prompt; about ten were seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most an ask may cost; `estimate` where a part is a stated bound without a formula."""

    amount: Nano
    estimate: bool


def ceiling(plan: Plan, model: Model) -> Ceiling:
    """Every picture, reference, partial and byte of prompt counted, in nano-dollars.

    Where the model chooses the size or the quality, it is the dearest it may choose.
    Raises Unpriced for a model, quality, size or input picture without a price.
    """
    price = _price(plan, model)
    if price is None:
        raise Unpriced(
            f"The model {model.id} has no price, so it cannot be counted against a budget.",
            hint="Ask the operator to set its price.",
        )
    if isinstance(price, PerImage):
        each = max(_image_prices(plan, model, price))
        return Ceiling(amount=Nano(each * plan.ask.n), estimate=False)
    ask, inputs = plan.ask, _inputs(plan)
    if inputs and price.image_in and not price.reference:
        raise Unpriced(
            f"The model {model.id} has no price for input images.",
            hint="Ask the operator to set it, or ask without input images.",
        )
    output = max(_output_tokens(plan, model, price)) + price.partial * ask.partial_images
    # A token is at least a byte long, so the prompt's bytes bound its tokens.
    text = len(plan.prompt.encode()) + len((plan.negative_prompt or "").encode()) + _WRAPPING
    read = text + inputs * price.reference + price.reading if price.reader_in else 0
    # The text model may put the prompt into as many words as it has.
    asked = max(text, price.words + _WRAPPING) if price.reader_in else text
    each = (
        output * price.image_out
        + price.words * price.text_out
        + asked * price.text_in
        + inputs * price.reference * price.image_in
        + read * price.reader_in
    )
    estimate = bool(inputs or price.factor or price.words) or not price.base
    return Ceiling(amount=Nano(ask.n * each), estimate=estimate)


def actual(usage: Usage, plan: Plan, model: Model) -> Nano | None:
    """What the reported usage comes to in nano-dollars, or None where the report does not tell.

    It tells only if it counts everything that has a price: what is left out was not free.
    """
    if usage.cost is not None:
        return usage.cost
    price = _price(plan, model)
    if isinstance(price, PerImage):
        return _of_pictures(usage, plan, model, price)
    if isinstance(price, PerToken):
        return _of_tokens(usage, plan, price)
    return None


def _price(plan: Plan, model: Model) -> Price | None:
    """By which the plan is charged: its vendor's batch has one of its own."""
    price = model.price
    if plan.ask.economy is not None and isinstance(price, PerToken):
        return price.at_economy()
    return price


def _of_pictures(usage: Usage, plan: Plan, model: Model, price: PerImage) -> Nano | None:
    if usage.pictures is None:
        return None
    try:
        return Nano(max(_image_prices(plan, model, price)) * usage.pictures)
    except Unpriced:  # its price was taken away while the job ran
        return None


def _of_tokens(usage: Usage, plan: Plan, price: PerToken) -> Nano | None:
    unseen = None if _inputs(plan) else 0
    amount = 0
    for tokens, each in (
        (usage.output_tokens, price.image_out),
        (usage.word_tokens, price.text_out),
        (usage.reader_tokens, price.reader_in),
        (usage.text_tokens, price.text_in),
        (unseen if usage.image_tokens is None else usage.image_tokens, price.image_in),
    ):
        if tokens is None and each:
            return None
        amount += (tokens or 0) * each
    return Nano(amount)


def _inputs(plan: Plan) -> int:
    return len(plan.ask.references) + (plan.ask.mask is not None)


def _choices(plan: Plan, model: Model) -> list[tuple[Quality | None, Size]]:
    sizes = [plan.size] if plan.size else may_choose(model.sizes)
    qualities = [plan.quality] if plan.quality else model.qualities or [None]
    return [(quality, size) for quality in qualities for size in sizes]


def _image_prices(plan: Plan, model: Model, price: PerImage) -> list[int]:
    found: list[int] = []
    for quality, size in _choices(plan, model):
        by_level = (f"{quality.value}/{size}", quality.value) if quality else ()
        keys = (*by_level, str(size), "*")
        match = next((price.prices[key] for key in keys if key in price.prices), None)
        if match is None:
            raise _no_price(model, quality, size)
        found.append(match)
    return found


def _output_tokens(plan: Plan, model: Model, price: PerToken) -> list[int]:
    found = []
    for quality, size in _choices(plan, model):
        level = quality or Quality.HIGH
        if level in price.base:
            tokens = formula_tokens(price.base[level], size) * price.factor.get(level, 1)
            found.append(tokens)
        elif (listed := price.table.get(f"{level.value}/{size}")) is not None:
            found.append(listed)
        else:
            raise _no_price(model, quality, size)
    return found


def _no_price(model: Model, quality: Quality | None, size: Size) -> Unpriced:
    what = f"{quality.value} quality at {size}" if quality else f"{size}"
    return Unpriced(
        f"The model {model.id} has no price for {what}.",
        hint="Choose a quality and size that have a price.",
    )


def formula_tokens(base: int, size: Size) -> int:
    """Output tokens of one picture: the published grid of the gpt-image-2 family.

    The grid is `base` cells on the longer side; tokens grow with the pixels. Half a cell
    counts as one, so that no ceiling is short of it; the published prices leave it open.
    """
    long, short = max(size.width, size.height), min(size.width, size.height)
    cells = base * max(1, (2 * base * short + long) // (2 * long))
    return -(-cells * (2_000_000 + size.pixels) // 4_000_000)
