"""The question before money is spent: what it says, and how it may be answered."""

from collections.abc import Sequence
from dataclasses import replace

from imagewright.core.caller import LOCAL
from imagewright.core.errors import ConfirmationRequired
from imagewright.core.plan import Plan
from imagewright.core.quotation import shown
from imagewright.core.quote import Consent, Quote, Told
from imagewright.ports.books import Books, Demand
from imagewright.ports.clock import Clock
from imagewright.services.wish import Wish

_NOTHING = "Nothing was spent."


class Questions:
    """Records the quote that a question is about, and puts it in words. Asked by the gate alone."""

    def __init__(self, books: Books, clock: Clock, pages: str | None = None) -> None:
        """`pages` is the address of the pages where people answer, if there are any."""
        self._books = books
        self._clock = clock
        self._pages = pages

    async def one(
        self, wish: Wish, quote: Quote, strengths: frozenset[Consent]
    ) -> ConfirmationRequired:
        """The question for one ask, of a caller who may answer by these strengths."""
        prompt = wish.plan.ask.prompt
        told = Told(prompt=shown(prompt), fallbacks=_named(wish.plan.fallbacks))
        quote = await self._offered(wish, quote, told)
        sentence = quote.question(prompt, told.fallbacks)
        return self._required(wish, sentence, quote.public() | _more(told), strengths)

    async def whole(
        self,
        wishes: Sequence[Wish],
        owed: Sequence[Demand],
        quote: Quote,
        strengths: frozenset[Consent],
    ) -> ConfirmationRequired:
        """The one question for a batch, of which the `owed` cost."""
        prompt = owed[0].plan.ask.prompt
        told = Told(
            prompt=shown(prompt),
            fallbacks=_named([plan for demand in owed for plan in demand.plan.fallbacks]),
            items=len(wishes),
            owed=len(owed),
        )
        quote = await self._offered(wishes[0], quote, told)
        asks = quote.question(prompt, told.fallbacks)
        sentence = f"A batch of {len(wishes)}, of which {len(owed)} cost: {asks}"
        return self._required(wishes[0], sentence, quote.public() | _more(told), strengths)

    async def _offered(self, wish: Wish, quote: Quote, told: Told) -> Quote:
        offered = replace(quote, told=told)
        now = self._clock.now()
        return replace(await self._books.offer(wish.caller, offered, wish.origin, now), told=told)

    def _required(
        self, wish: Wish, sentence: str, details: dict[str, object], strengths: frozenset[Consent]
    ) -> ConfirmationRequired:
        # Nobody signs in as `local`.
        pages = self._pages if wish.caller.subject != LOCAL else None
        if pages is not None:
            details["approval_url"] = f"{pages}/{details['quote']}"
        hint = _how_to_consent(strengths, pages=pages is not None)
        return ConfirmationRequired(sentence, hint=hint, details=details)


def _more(told: Told) -> dict[str, object]:
    batch = {"items": told.items, "to_do": told.owed} if told.items else {}
    return {**batch, **({"fallbacks": list(told.fallbacks)} if told.fallbacks else {})}


def _named(plans: Sequence[Plan]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{plan.provider} / {plan.model}" for plan in plans))


def _how_to_consent(strengths: frozenset[Consent], *, pages: bool) -> str:
    approve = "have a person approve it at approval_url, then repeat the same call"
    if Consent.ECHO in strengths:
        return f"Repeat the call with confirm set to the quote's id. {_NOTHING}"
    if Consent.CLIENT not in strengths:
        where = approve if pages else approve.replace("at approval_url", "on the service's pages")
        return f"{where[0].upper()}{where[1:]}. {_NOTHING}"
    instead = f", or {approve}" if pages else ""
    return f"Use a client that can be asked (MCP elicitation){instead}. {_NOTHING}"
