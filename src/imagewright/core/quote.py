"""A quote: a price ceiling that consent is given to, once."""

from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.money import Nano, usd
from imagewright.core.quotation import shown
from imagewright.core.scope import Scope


class Consent(StrEnum):
    """How strongly a yes is known to come from somebody other than the model."""

    HUMAN = "human"
    CLIENT = "client"
    ECHO = "echo"
    UNATTENDED = "unattended"
    WAIVED = "waived"
    FREE = "free"


UNASKED = frozenset({Consent.FREE, Consent.WAIVED})
"""Where no question stands at the door: nothing is spent, or the operator lets it be spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a question tells beside the quote.

    `prompt` is as it may be shown, `fallbacks` are who may do it instead. Of a batch, `items` is
    how many asks it has and `owed` how many of them cost; 0 is no batch.
    """

    prompt: str
    fallbacks: tuple[str, ...] = ()
    items: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Bound to a subject, a plan's digest, a ceiling and an expiry (UTC microseconds).

    `told` is there from when a question is asked until it is answered.
    """

    id: str
    digest: str
    provider: str
    model: str
    count: int
    size: str
    ceiling: Nano
    estimate: bool
    expires_at: int
    told: Told | None = None

    def public(self) -> dict[str, object]:
        """The quote as every face shows it, money in decimal US dollars."""
        return {
            "quote": self.id,
            "provider": self.provider,
            "model": self.model,
            "n": self.count,
            "size": self.size,
            "ceiling_usd": usd(self.ceiling),
            "estimate": self.estimate,
            "expires_at": self.expires_at // 1_000_000,
        }

    def question(self, prompt: str, fallbacks: tuple[str, ...] = ()) -> str:
        """The words a person is asked with: the facts first, the prompt last, quoted, one line.

        `fallbacks` name who may do it instead.

        At most 200 characters of the prompt are shown. None of them can move a cursor, turn the
        reading direction or end the quotation; one that has no glyph is shown as U+FFFD.
        """
        images = "1 image" if self.count == 1 else f"{self.count} images"
        estimated = " (estimated)" if self.estimate else ""
        instead = f" (or, if that fails, {' or '.join(fallbacks)})" if fallbacks else ""
        return (
            f"{self.provider} / {self.model}{instead}: {images}, {self.size}, "
            f"at most ${usd(self.ceiling)}{estimated}. Spend this? Prompt: “{shown(prompt)}”"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuote:
    """A quote that can still be answered or used, and whose; times are UTC microseconds.

    `approved_at` is when a person approved it.
    """

    subject: str
    quote: Quote
    since: int
    approved_at: int | None = None


ACCEPTED: dict[Scope, frozenset[Consent]] = {
    Scope.SPEND: frozenset({Consent.HUMAN, Consent.CLIENT}),
    Scope.SPEND_RELAYED: frozenset({Consent.HUMAN, Consent.CLIENT, Consent.ECHO}),
    Scope.SPEND_UNATTENDED: frozenset(Consent) - UNASKED,
}
"""The strengths that each spending scope takes."""


def accepted(scopes: frozenset[Scope], *, human: bool = False) -> frozenset[Consent]:
    """The strengths that a caller with these scopes may spend by.

    `human`: the operator lets `spend` take a person's consent only.
    """
    taken = {**ACCEPTED, Scope.SPEND: frozenset({Consent.HUMAN})} if human else ACCEPTED
    return frozenset().union(*(taken.get(scope, frozenset()) for scope in scopes))
