"""What stands in for what an ask leaves out, as the operator wants it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from imagewright.core.ask import AUTO, DEFAULTABLE, Ask
from imagewright.core.errors import InvalidRequest, Unsupported


def left_out(given: Mapping[str, object]) -> tuple[str, ...]:
    """Which of them a caller left to others: not given, null, empty, or `auto`."""
    return tuple(name for name in DEFAULTABLE if given.get(name) in (None, "", AUTO, []))


def narrowed(ask: Ask, known: Collection[str]) -> Ask:
    """The ask, knowing of what it left out only what somebody has a default for.

    Then a parameter that is given as what it would be anyway makes no other ask.
    """
    left = tuple(name for name in ask.left if name in known)
    return ask if left == ask.left else replace(ask, left=left)


def fill(ask: Ask, defaults: Mapping[str, object], check: Callable[[Ask], object]) -> Ask:
    """The ask with the defaults that fit it and, by `check`, the model.

    `check` raises Unsupported or InvalidRequest for an ask that cannot be. Nobody asked for a
    default, so one that does not fit is left out.
    """
    filled = replace(ask, left=())
    for name in ask.left:
        if name in defaults:
            try:
                wanted = replace(filled, **{name: defaults[name]})  # type: ignore[arg-type] # checked where it is made
                check(wanted)
            except (InvalidRequest, Unsupported):
                continue
            filled = wanted
    return filled
