"""The size a model is asked for."""

from math import sqrt

from imagewright.core.ask import AUTO, SIZE_PRESETS, Action, Ask
from imagewright.core.catalogue import Model, SizeRule
from imagewright.core.errors import Unsupported
from imagewright.core.size import Size

_TOLERANCE = 0.02


def choose_size(ask: Ask, model: Model) -> Size | None:
    """A size the model makes, or None where the model chooses. Raises Unsupported saying which it makes."""
    rule = model.sizes
    ratio = ask.aspect_ratio or SIZE_PRESETS.get(ask.size)
    if ratio is not None:
        return _by_ratio(model, ratio)
    if ask.size != AUTO:
        size = Size.parse(ask.size)
        if not makes(rule, size):
            raise _refuse(model, f"does not make {size}")
        return size
    if rule.auto:
        return None
    if ask.action is Action.EDIT and makes(rule, ask.references[0].size):
        return ask.references[0].size
    return rule.fallback


def makes(rule: SizeRule, size: Size) -> bool:
    """Whether a size is listed or keeps the rule's bounds."""
    if size in rule.listed:
        return True
    long, short = max(size.width, size.height), min(size.width, size.height)
    return (
        rule.step is not None
        and size.width % rule.step == 0
        and size.height % rule.step == 0
        and rule.min_edge <= short
        and long <= rule.edge
        and rule.min_pixels <= size.pixels <= rule.max_pixels
        and long <= short * rule.ratio
    )


def largest(rule: SizeRule) -> tuple[Size, ...]:
    """The sizes a model may choose by itself, for a ceiling over all of them."""
    return tuple({*rule.listed, rule.fallback})


def _by_ratio(model: Model, ratio: str) -> Size:
    wide, high = (int(part) for part in ratio.split(":"))
    wanted = wide / high
    for size in model.sizes.listed:
        if abs(size.width / size.height - wanted) <= _TOLERANCE * wanted:
            return size
    if model.sizes.step is not None:
        size = _custom(model.sizes, wanted)
        if makes(model.sizes, size):
            return size
    raise _refuse(model, f"makes no size of the ratio {ratio}")


def _custom(rule: SizeRule, wanted: float) -> Size:
    step = rule.step or 1
    high = sqrt(rule.fallback.pixels / wanted)
    return Size(max(step, round(high * wanted / step) * step), max(step, round(high / step) * step))


def _refuse(model: Model, what: str) -> Unsupported:
    rule = model.sizes
    sizes = [str(size) for size in rule.listed]
    can = f"It makes {', '.join(sizes)}"
    if rule.step is not None:
        can += (
            f" and any WIDTHxHEIGHT in steps of {rule.step}, edges {rule.min_edge} to {rule.edge},"
            f" {rule.min_pixels} to {rule.max_pixels} pixels, ratio up to {rule.ratio:g}:1"
        )
    return Unsupported(f"The model {model.id} {what}.", hint=f"{can}.", details={"sizes": sizes})
