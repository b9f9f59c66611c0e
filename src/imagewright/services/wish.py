"""A plan on its way through the door, and the answer to the question that stands there."""

from dataclasses import dataclass

from imagewright.core.caller import Caller
from imagewright.core.catalogue import Model
from imagewright.core.plan import Plan
from imagewright.core.quote import Consent
from imagewright.ports.books import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A yes to a quote, and how strongly it is known to be the caller's own."""

    quote: str
    consent: Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A plan on its way through the door: who wants it, from where, with which model and answer."""

    caller: Caller
    plan: Plan
    model: Model
    origin: Origin
    answer: Answer | None = None
