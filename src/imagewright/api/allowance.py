"""What is left to a caller, as a client sees it."""

from imagewright.api.shapes import AllowanceShape, LeftShape
from imagewright.api.times import iso
from imagewright.core.budget import Level
from imagewright.core.money import Nano, usd
from imagewright.services.usage import Allowance

_NAMED = frozenset({Level.GROUP, Level.PROVIDER})


def allowance_shape(found: Allowance) -> AllowanceShape:
    """One of the caller's own levels."""
    shape: AllowanceShape = {
        "level": found.level.value,
        "name": found.key,
        "span": found.span.value,
        "held_usd": usd(Nano(found.held)),
        "settled_usd": usd(Nano(found.settled)),
        "resets_at": iso(found.resets_at),
    }
    if found.limit is not None and found.left is not None:
        shape["limit_usd"] = usd(found.limit)
        shape["left_usd"] = usd(Nano(found.left))
    return shape


def left_shape(found: Allowance) -> LeftShape:
    """The tightest level, and what is left in it; whose it is, where the caller cannot tell."""
    shape: LeftShape = {
        "level": found.level.value,
        "span": found.span.value,
        "left_usd": usd(Nano(found.left or 0)),
        "resets_at": iso(found.resets_at),
    }
    if found.level in _NAMED:
        shape["name"] = found.key
    return shape


def left_text(left: LeftShape) -> str:
    """The same in a few words."""
    name = f" {left['name']}" if "name" in left else ""
    return f"${left['left_usd']} left of the {left['level']}{name} budget of this {left['span']}"
