"""Scopes: what a subject may do."""

from collections.abc import Iterable
from enum import StrEnum

from imagewright.core.errors import InvalidRequest


class Scope(StrEnum):
    """A right that the ACL grants by name."""

    IMAGES_READ = "images:read"
    IMAGES_WRITE = "images:write"
    STYLES_WRITE = "styles:write"
    SPEND = "spend"
    SPEND_RELAYED = "spend:relayed"
    SPEND_UNATTENDED = "spend:unattended"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"
    APPROVE = "approve"


_ALWAYS_NAMED = {Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED, Scope.APPROVE}

_NAMES = frozenset(scope.value for scope in Scope)

SHORTHANDS: dict[str, frozenset[Scope]] = {
    "read": frozenset({Scope.IMAGES_READ}),
    "write": frozenset({Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.STYLES_WRITE}),
    "*": frozenset(set(Scope) - _ALWAYS_NAMED),
}

SPENDING = frozenset({Scope.SPEND, Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED})
"""What lets a subject spend money, by whatever consent."""

WRITING = frozenset({Scope.IMAGES_WRITE, Scope.STYLES_WRITE, Scope.ADMIN_WRITE})
"""What a read-only service refuses to everybody."""


def expand(names: Iterable[str]) -> frozenset[Scope]:
    """Names and shorthands as scopes. Raises InvalidRequest naming the first that is neither."""
    found: set[Scope] = set()
    for name in names:
        if name in SHORTHANDS:
            found |= SHORTHANDS[name]
        elif name in _NAMES:
            found.add(Scope(name))
        else:
            known = ", ".join([*SHORTHANDS, *(scope.value for scope in Scope)])
            raise InvalidRequest(f"There is no scope {name!r}.", hint=f"Scopes are: {known}.")
    return frozenset(found)
