"""The question before money is spent: what it says, and how it may be answered."""

from collections.abc import Sequence

from imagewright.core.errors import ConfirmationRequired
from imagewright.core.plan import Plan
from imagewright.core.quote import Consent, Quote
from imagewright.ports.books import Books, Demand
from imagewright.ports.clock import Clock
from imagewright.services.wish import Wish


class Questions:
    """Records the quote that a question is about, and puts it in words. Asked by the gate alone."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def one(
        self, wish: Wish, quote: Quote, strengths: frozenset[Consent]
    ) -> ConfirmationRequired:
        """The question for one ask, of a caller who may answer by these strengths."""
        others = _named(wish.plan.fallbacks)
        open_quote = await self._books.offer(wish.caller, quote, wish.origin, self._clock.now())
        return ConfirmationRequired(
            open_quote.question(wish.plan.ask.prompt, others),
            hint=_how_to_consent(strengths),
            details=open_quote.public() | ({"fallbacks": list(others)} if others else {}),
        )

    async def whole(
        self,
        wishes: Sequence[Wish],
        owed: Sequence[Demand],
        quote: Quote,
        strengths: frozenset[Consent],
    ) -> ConfirmationRequired:
        """The one question for a batch, of which the `owed` cost."""
        first = wishes[0]
        others = _named([plan for demand in owed for plan in demand.plan.fallbacks])
        open_quote = await self._books.offer(first.caller, quote, first.origin, self._clock.now())
        asks = open_quote.question(owed[0].plan.ask.prompt, others)
        details = open_quote.public() | {"items": len(wishes), "to_do": len(owed)}
        return ConfirmationRequired(
            f"A batch of {len(wishes)}, of which {len(owed)} cost: {asks}",
            hint=_how_to_consent(strengths),
            details=details | ({"fallbacks": list(others)} if others else {}),
        )


def _named(plans: Sequence[Plan]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{plan.provider} / {plan.model}" for plan in plans))


def _how_to_consent(strengths: frozenset[Consent]) -> str:
    if Consent.ECHO in strengths:
        return "Repeat the call with confirm set to the quote's id. Nothing was spent."
    return "Use a client that can be asked (MCP elicitation). Nothing was spent."
