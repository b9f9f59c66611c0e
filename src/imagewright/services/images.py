"""Asks: planned against the catalogue, let through the gate, handed to the workers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from imagewright.core.ask import AUTO, MAX_PROMPT, Ask
from imagewright.core.caller import Caller
from imagewright.core.catalogue import Catalogue, Model, Offer
from imagewright.core.defaults import narrowed
from imagewright.core.errors import InvalidRequest, UnknownModel
from imagewright.core.plan import Plan
from imagewright.core.quote import Quote
from imagewright.core.resolve import Choosing, resolve
from imagewright.core.routing import Routing
from imagewright.ports.board import Board, News
from imagewright.ports.books import Admitted, Origin
from imagewright.ports.catalogue import CatalogueSource
from imagewright.ports.clock import Clock
from imagewright.ports.queue import Queue
from imagewright.services.gate import Gate
from imagewright.services.intake import Intake
from imagewright.services.judge import Judge
from imagewright.services.library import LibraryService
from imagewright.services.wish import Answer, Wish

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an ask would cost at most, with what it would be done."""

    plan: Plan
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Whether jobs are taken, how one reaches the workers, and how those who wait hear of it."""

    intake: Intake
    queue: Queue
    board: Board


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRules:
    """The clock that models end by, the most characters of a prompt, and how asks are routed.

    `resting` names the providers that are left alone now.
    """

    clock: Clock
    prompt: int = MAX_PROMPT
    routing: Routing = Routing()
    resting: Callable[[], frozenset[str]] = frozenset


class ImageService:
    """Takes asks; the one road for every face."""

    def __init__(
        self,
        gate: Gate,
        library: LibraryService,
        catalogue: CatalogueSource,
        signals: Signals,
        rules: ImageRules,
    ) -> None:
        self._gate = gate
        self._library = library
        self._catalogue = catalogue
        self._signals = signals
        self._rules = rules

    def offers(self, caller: Caller, judge: Judge | None = None) -> tuple[Offer, ...]:
        """The providers and models that the caller may use, in the operator's order."""
        judge = judge or self._gate.judge(caller)
        found = []
        for offer in self._catalogue.current().offers:
            models = tuple(
                model for model in offer.models if judge.decide_model(offer.name, model.id)
            )
            if models:
                found.append(replace(offer, models=models))
        return tuple(found)

    async def refresh(self, caller: Caller) -> None:
        """Have the providers that the caller may use asked what models they have."""
        await self._catalogue.refresh({offer.name for offer in self.offers(caller)})

    def today(self) -> date:
        """The day by which models end: UTC, as vendors announce it."""
        return datetime.fromtimestamp(self._rules.clock.now() // _MICRO, UTC).date()

    def barred(self, caller: Caller, provider: str, model: str) -> bool:
        """Whether something by these names is there and the caller's lists keep it from it."""
        return any(
            provider in {AUTO, offer.name}
            and model in {AUTO, each.id}
            and not self._gate.decide_model(caller, offer.name, each.id)
            for offer in self._catalogue.current().offers
            for each in offer.models
        )

    async def check(self, caller: Caller, ask: Ask) -> None:
        """Raise what planning raises, and StorageFull, before inputs are fetched and kept."""
        self.plan(caller, ask)
        await self._library.room()

    def estimate(self, caller: Caller, ask: Ask) -> Estimate:
        """The quote of an ask, without doing it or recording anything. Raises as `order` does."""
        plan, model = self.plan(caller, ask)
        self._gate.check_plan(caller, plan, model)
        return Estimate(plan=plan, quote=self._gate.quote(plan, model))

    async def order(
        self, caller: Caller, ask: Ask, answer: Answer | None, origin: Origin
    ) -> Admitted:
        """Let an ask in and hand it to the workers.

        Raises what planning and the gate raise, StorageFull where no picture could be kept, and
        Unavailable while the service is being stopped.
        """
        self._signals.intake.check()
        plan, model = self.plan(caller, ask)
        await self._library.room()
        wish = Wish(caller=caller, plan=plan, model=model, origin=origin, answer=answer)
        admitted = await self._gate.admit(wish)
        if admitted.fresh:
            self._signals.board.post(admitted.job.id, News(stage="queued"))
            await self._signals.queue.deliver(admitted.job.id)
        return admitted

    def plan(self, caller: Caller, ask: Ask) -> tuple[Plan, Model]:
        """How an ask would be done, and with which model. Raises what planning raises."""
        if len(ask.prompt) > self._rules.prompt:
            raise InvalidRequest(
                f"The prompt has more than {self._rules.prompt} characters.", hint="Shorten it."
            )
        catalogue = self._catalogue.current()
        ask = narrowed(ask, catalogue.defaulted)
        plan = resolve(
            ask,
            catalogue,
            Choosing(
                allowed=lambda provider, model: self._gate.decide_model(caller, provider, model),
                today=self.today(),
                routing=self._rules.routing,
                resting=self._rules.resting(),
            ),
        )
        return plan, find_model(catalogue, plan.provider, plan.model)


def find_model(catalogue: Catalogue, provider: str, model: str) -> Model:
    """A model by its names. Raises UnknownModel where the operator has taken it away."""
    offer = catalogue.offer(provider)
    found = offer.model(model) if offer else None
    if found is None:
        raise UnknownModel(f"The model {model} of {provider} is no longer configured.")
    return found
