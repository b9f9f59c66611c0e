"""What must hold of a token's claims for its issuer's section to be the one that it is of."""

from collections.abc import Mapping

Value = str | int | bool
Conditions = Mapping[str, tuple[Value, ...]]
"""Claims, and the values of which each must have one."""
_ANY = "*"


def holds(value: object, allowed: tuple[Value, ...]) -> bool:
    """Whether the claim, or one of a list that it is, is one of those allowed.

    A text that ends in * stands for all that begin like it and go on without a slash: who owns
    `acme/site` does not own `acme/site/else`.
    """
    given = value if isinstance(value, list) else [value]
    return any(_is(each, wanted) for each in given for wanted in allowed)


def is_exact(wanted: Value) -> bool:
    """Whether it stands for itself and nothing else."""
    return not isinstance(wanted, str) or not wanted.endswith(_ANY)


def _is(value: object, wanted: Value) -> bool:
    if isinstance(wanted, str) and not is_exact(wanted):
        head = wanted.removesuffix(_ANY)
        return isinstance(value, str) and value.startswith(head) and "/" not in value[len(head) :]
    return type(value) is type(wanted) and value == wanted
