"""The size a model is asked for."""

from collections.abc import Iterator
from math import isqrt

from imagewright.core.ask import AUTO, SIZE_PRESETS, SIZE_TIERS, Action, Ask
from imagewright.core.catalogue import Model, SizeRule
from imagewright.core.errors import Unsupported
from imagewright.core.size import Size

_TOLERANCE = 0.02
_TIER_TOLERANCE = 0.25


def choose_size(ask: Ask, model: Model) -> Size | None:
    """A size the model makes, or None where the model chooses.

    Raises Unsupported saying which sizes it makes.
    """
    rule = model.sizes
    if ask.size in SIZE_TIERS:
        return _by_tier(model, ask.aspect_ratio or "1:1", ask.size)
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


def size_name(rule: SizeRule, size: Size | None, ratio: str | None = None) -> str | None:
    """What the provider's API calls a size; of two names for one, that of the ratio."""
    names = [name for name, named in rule.named.items() if named == size]
    return next((name for name in names if ratio and _is_of(name, ratio)), next(iter(names), None))


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


def may_choose(rule: SizeRule) -> frozenset[Size]:
    """The sizes a model may choose by itself, for a ceiling over all of them.

    Where it may choose any within bounds, a square that none of these exceeds stands for
    them: it has the most pixels, and no other shape takes more tokens.
    """
    listed = frozenset({*rule.listed, rule.fallback})
    if not rule.auto or rule.step is None:
        return listed
    edge = min(rule.edge, isqrt(rule.max_pixels - 1) + 1)
    return listed | {Size(edge, edge)}


def _by_ratio(model: Model, ratio: str) -> Size:
    wide, high = (int(part) for part in ratio.split(":"))
    rule, wanted = model.sizes, wide / high
    named = [size for name, size in rule.named.items() if _is_of(name, ratio)]
    if named:
        # Vendors' sizes are of their ratios by name only: 1376x768 is called 16:9.
        return min(named, key=lambda size: abs(size.pixels - rule.fallback.pixels))
    custom = _custom(rule, rule.step, wanted) if rule.step is not None else ()
    ordered = sorted(custom, key=lambda size: abs(size.pixels - rule.fallback.pixels))
    for size in (*rule.listed, *ordered):
        if abs(size.width / size.height - wanted) <= _TOLERANCE * wanted:
            return size
    raise _refuse(model, f"makes no size of the ratio {ratio}")


def _by_tier(model: Model, ratio: str, tier: str) -> Size:
    rule, pixels = model.sizes, SIZE_TIERS[tier]
    if (named := rule.named.get(f"{ratio}/{tier}")) is not None:
        return named
    wide, high = (int(part) for part in ratio.split(":"))
    custom = list(_custom(rule, rule.step, wide / high)) if rule.step is not None else []
    for size in sorted(custom, key=lambda size: abs(size.pixels - pixels))[:1]:
        if abs(size.pixels - pixels) <= _TIER_TOLERANCE * pixels:
            return size
    raise _refuse(model, f"makes no {ratio} of {tier}")


def _is_of(name: str, ratio: str) -> bool:
    return name.partition("/")[0] == ratio


def _custom(rule: SizeRule, step: int, wanted: float) -> Iterator[Size]:
    for high in range(step, rule.edge + 1, step):
        size = Size(max(step, round(high * wanted / step) * step), high)
        if makes(rule, size):
            yield size


def _refuse(model: Model, what: str) -> Unsupported:
    rule = model.sizes
    sizes = [str(size) for size in rule.listed]
    custom = (
        f"any WIDTHxHEIGHT in steps of {rule.step}, edges {rule.min_edge} to {rule.edge},"
        f" {rule.min_pixels} to {rule.max_pixels} pixels, ratio up to {rule.ratio:g}:1"
    )
    can = ", ".join([*sizes, custom] if rule.step is not None else sizes)
    return Unsupported(
        f"The model {model.id} {what}.", hint=f"It makes: {can}.", details={"sizes": sizes}
    )
