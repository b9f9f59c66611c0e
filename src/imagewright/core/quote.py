"""A quote: a price ceiling that consent is given to, once."""

from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.money import Nano, usd
from imagewright.core.scope import Scope


class Consent(StrEnum):
    """How strongly a yes is known to come from somebody other than the model."""

    HUMAN = "human"
    CLIENT = "client"
    ECHO = "echo"
    UNATTENDED = "unattended"
    FREE = "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Bound to a subject, a plan's digest, a ceiling and an expiry (UTC microseconds)."""

    id: str
    digest: str
    provider: str
    model: str
    count: int
    size: str
    ceiling: Nano
    estimate: bool
    expires_at: int

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

    def question(self, prompt: str) -> str:
        """The words a person is asked with: the facts first, the prompt last, quoted, one line."""
        shown = " ".join(prompt.split())
        shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
        images = "1 image" if self.count == 1 else f"{self.count} images"
        return (
            f"{self.provider} / {self.model}: {images}, {self.size}, "
            f"at most ${usd(self.ceiling)}. Spend this? Prompt: “{shown}”"
        )


_SHOWN = 200

ACCEPTED: dict[Scope, frozenset[Consent]] = {
    Scope.SPEND: frozenset({Consent.HUMAN, Consent.CLIENT}),
    Scope.SPEND_RELAYED: frozenset({Consent.HUMAN, Consent.CLIENT, Consent.ECHO}),
    Scope.SPEND_UNATTENDED: frozenset(Consent) - {Consent.FREE},
}
"""The strengths that each spending scope takes."""


def accepted(scopes: frozenset[Scope]) -> frozenset[Consent]:
    """The strengths that a caller with these scopes may spend by."""
    return frozenset().union(*(ACCEPTED.get(scope, frozenset()) for scope in scopes))
