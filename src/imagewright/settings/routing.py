"""[routing]: which provider does an ask that names none."""

from typing import Annotated

from pydantic import AfterValidator, Field

from imagewright.settings.section import Section
from imagewright.settings.units import Seconds, Unfit, Words


def _no_blanks(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(word.strip() for word in value):
        raise Unfit("A word is blank: it would be in every prompt.")
    return value


class RoutingRule(Section):
    """Words, and what they ask for."""

    words: Annotated[Words, AfterValidator(_no_blanks)] = Field(
        description="Whole words or phrases of a prompt; none turns the rule off."
    )
    prefer: Words = Field(
        default=(),
        description="Providers or provider/model, with *; unset is the models good at it.",
    )


class Routing(Section):
    """How asks without a provider are routed."""

    fallback: bool = Field(
        default=True, description="Go on to another provider that costs no more where one fails."
    )
    failures: int = Field(
        default=5, ge=1, le=10_000, description="In a row, after which a provider is left alone."
    )
    rest: Seconds = Field(
        default=30, ge=1, le=600, description="How long at first; doubled each time, up to 10m."
    )
    rules: dict[str, RoutingRule] = Field(
        default={}, description="[routing.rules.<name>]: in place of the shipped one of that name."
    )
