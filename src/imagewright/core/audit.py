"""A line of the audit, and the one way to write it down."""

import json
from dataclasses import dataclass, fields

OPERATOR = "operator"
"""The subject of what is done at the service's machine; no caller can have this name."""

STRANGER = "stranger"
"""The subject of what whoever has not signed in did; no caller can have this name either."""
_WORDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision: who did what to which thing, from where, and what came of it.

    Times are UTC microseconds, amounts nano-dollars. `shape` is JSON: which arguments were given
    and how large, never their values. `count` is of how many alike this line tells.
    """

    id: int
    at: int
    subject: str
    credential: str
    action: str
    thing: str
    outcome: str
    reason: str | None = None
    request: str | None = None
    address: str | None = None
    client: str | None = None
    job: str | None = None
    amount: int | None = None
    shape: str | None = None
    count: int | None = None

    def public(self) -> dict[str, object]:
        """The line by names; what is not there is left out, and so will be what is added later."""
        found = {name: getattr(self, name) for name in _NAMES}
        shown = {name: value for name, value in found.items() if value is not None}
        if self.shape is not None:
            shown["shape"] = _read(self.shape)
        return shown

    def canonical(self) -> bytes:
        """The bytes that a seal is made over: JSON, keys sorted, no spaces."""
        return written(self.public())


_NAMES = tuple(each.name for each in fields(Entry))


def written(value: dict[str, object]) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def legible(text: str) -> str:
    """As much of a client's own words as a line keeps: the first 100 that are printable ASCII."""
    return "".join(each for each in text if " " <= each <= "~")[:_WORDS]


def _read(shape: str) -> object:
    try:
        return json.loads(shape)
    except ValueError:
        return shape
