"""What an ask may cost at most, and what a report of usage comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from imagewright.core.ask import Quality
from imagewright.core.catalogue import Model, PerImage, PerToken
from imagewright.core.errors import Unpriced
from imagewright.core.money import Nano
from imagewright.core.plan import Plan
from imagewright.core.size import Size
from imagewright.core.sizing import largest
from imagewright.core.spending import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most an ask may cost; `estimate` where a part of it is a stated bound without a formula."""

    amount: Nano
    estimate: bool


def ceiling(plan: Plan, model: Model) -> Ceiling:
    """Every picture, reference, partial and byte of prompt counted. Raises Unpriced."""
    price = model.price
    if price is None:
        raise Unpriced(
            f"The model {model.id} has no price, so it cannot be counted against a budget.",
            hint="Ask the operator to set its price.",
        )
    if isinstance(price, PerImage):
        each = max(_image_prices(plan, model, price))
        return Ceiling(amount=Nano(each * plan.ask.n), estimate=False)
    ask = plan.ask
    output = max(_output_tokens(plan, model, price)) + price.partial * ask.partial_images
    inputs = len(ask.references) + (ask.mask is not None)
    # A byte is at least as long as a token, so the prompt's bytes bound its tokens.
    text = len(plan.prompt.encode()) + len((plan.negative_prompt or "").encode())
    amount = (
        ask.n * output * price.image_out
        + ask.n * text * price.text_in
        + ask.n * inputs * price.reference * price.image_in
    )
    return Ceiling(amount=Nano(amount), estimate=bool(inputs or price.factor) or not price.base)


def actual(usage: Usage, plan: Plan, model: Model) -> Nano | None:
    """What the reported usage comes to, or None where the report does not tell."""
    if usage.cost is not None:
        return usage.cost
    price = model.price
    if isinstance(price, PerImage) and usage.pictures is not None:
        return Nano(max(_image_prices(plan, model, price)) * usage.pictures)
    if isinstance(price, PerToken) and usage.output_tokens is not None:
        return Nano(
            usage.output_tokens * price.image_out
            + (usage.text_tokens or 0) * price.text_in
            + (usage.image_tokens or 0) * price.image_in
        )
    return None


def _choices(plan: Plan, model: Model) -> Iterable[tuple[Quality | None, Size]]:
    sizes = [plan.size] if plan.size else largest(model.sizes)
    qualities = [plan.quality] if plan.quality else model.qualities or [None]
    return [(quality, size) for quality in qualities for size in sizes]


def _image_prices(plan: Plan, model: Model, price: PerImage) -> list[int]:
    found: list[int] = []
    for quality, size in _choices(plan, model):
        level = quality.value if quality else "*"
        keys = (f"{level}/{size}", level, str(size), "*")
        match = next((price.prices[key] for key in keys if key in price.prices), None)
        if match is None:
            raise Unpriced(
                f"The model {model.id} has no price for {level} at {size}.",
                hint="Choose a quality and size that have a price.",
            )
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
            raise Unpriced(
                f"The model {model.id} has no price for {level.value} at {size}.",
                hint="Choose a quality and size that have a price.",
            )
    return found


def formula_tokens(base: int, size: Size) -> int:
    """Output tokens of one picture: the published grid of the gpt-image-2 family.

    The grid is `base` cells on the longer side; tokens grow with the pixels.
    """
    long, short = max(size.width, size.height), min(size.width, size.height)
    cells = base * max(1, round(base * short / long))
    return ceil(cells * (2_000_000 + size.pixels) / 4_000_000)
