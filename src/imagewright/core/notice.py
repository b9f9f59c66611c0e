"""A notice: what the operator's own programs are told of as it happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from imagewright.core.secret import Secret

_NONE: Mapping[str, str] = MappingProxyType({})


class Event(StrEnum):
    """What a notice tells of."""

    CONFIRMATION_REQUIRED = "confirmation_required"
    BUDGET_ALARM = "budget_alarm"
    OUTCOME_UNKNOWN = "outcome_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """It holds no prompt, no token and no vendor's text.

    `at` is UTC microseconds; `level` is that of a budget. `amounts` are decimal US dollars by what
    they are, `facts` short words of ours by what they are, `ids` ids by what they name. `link` is
    a capability: whoever has it may act, so nothing but the notice itself may show it.
    """

    event: Event
    at: int
    subject: str | None = None
    level: str | None = None
    amounts: Mapping[str, str] = field(default_factory=lambda: _NONE)
    facts: Mapping[str, str | int | bool] = field(default_factory=lambda: _NONE)
    ids: Mapping[str, str] = field(default_factory=lambda: _NONE)
    link: Secret | None = None
