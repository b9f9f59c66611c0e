"""The one door: decide, quote, confirmed?, admit; and the one place where a job's money ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from imagewright.core import batch, policy, pricing, spending
from imagewright.core.ask import Action, Ask
from imagewright.core.caller import Caller
from imagewright.core.catalogue import Model
from imagewright.core.errors import ConfirmationInvalid, Fault, Forbidden
from imagewright.core.ids import Kind
from imagewright.core.job import Job, State
from imagewright.core.money import FREE, Nano
from imagewright.core.plan import Plan, read_plan
from imagewright.core.policy import Decision
from imagewright.core.quote import UNASKED, Consent, Quote, accepted
from imagewright.core.scope import Scope
from imagewright.core.shape import Shaper
from imagewright.core.spending import NONE_MISSING, Missing, Usage
from imagewright.core.verdict import Verdict
from imagewright.ports.acl import AclSource
from imagewright.ports.books import (
    Admitted,
    AdmittedAll,
    Books,
    Bulk,
    Capacity,
    Demand,
    Origin,
)
from imagewright.ports.catalogue import CatalogueSource
from imagewright.ports.clock import World
from imagewright.services.accounts import Accounts, Calendar
from imagewright.services.alarm import Alarm
from imagewright.services.judge import Judge
from imagewright.services.question import Questions
from imagewright.services.quotas import MIB, QuotaRules, Quotas
from imagewright.services.wish import Answer, Wish

_COMPONENTS = {Action.GENERATE: "generate_image", Action.EDIT: "edit_image"}
_MICRO = 1_000_000
_MINUTE = 60 * _MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """The operator's numbers: time zone of budgets, seconds that quotes and results stay good.

    `alarm` hears of soft limits. `shaper` describes asks for the audit; without one their lines
    have no shape. `human`: `spend` takes a person's consent only. `asked` are the providers whose
    prices are asked about, None is all. `pages` is the address of the pages where people answer,
    if there are any. A picture has at most `picture` bytes; `limited` hears which of a caller's
    limits refused something.
    """

    zone: ZoneInfo
    quote_seconds: int = 600
    reuse_seconds: int = 3600
    capacity: Capacity = Capacity()
    shaper: Shaper | None = None
    alarm: Alarm
    human: bool = False
    asked: frozenset[str] | None = None
    pages: str | None = None
    picture: int = 50 * MIB
    limited: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a job used: the plan that was carried out (None: its own), and what is told of it."""

    plan: Plan | None = None
    usage: Usage | None = None
    missing: Missing = NONE_MISSING


class Gate:
    """Decides, prices, takes consent and keeps the money; nothing is spent but through it."""

    def __init__(
        self,
        acl: AclSource,
        books: Books,
        catalogue: CatalogueSource,
        rules: GateRules,
        world: World,
    ) -> None:
        self._acl = acl
        self._books = books
        self._catalogue = catalogue
        self._rules = rules
        self._questions = Questions(books, world.clock, rules.pages)
        self._clock = world.clock
        calendar = Calendar(zone=rules.zone, clock=world.clock)
        self.accounts = Accounts(acl, calendar, rules.alarm)
        self._new_id = world.new_id
        self._day = (-1, date.min)
        self.quotas = Quotas(
            acl,
            world.clock,
            QuotaRules(zone=rules.zone, picture=rules.picture, limited=rules.limited),
        )

    def judge(self, caller: Caller) -> Judge:
        """Decisions by the ACL of this moment. Raises Unavailable."""
        return Judge(acl=self._acl.current(), caller=caller, today=self._today())

    def decide(self, caller: Caller, component: str | None, scope: Scope) -> Decision:
        """Whether the caller may use a tool by its name, or (None) anything else of that scope."""
        return policy.decide(self._acl.current(), caller, component, scope, self._today())

    def decide_model(self, caller: Caller, provider: str, model: str) -> bool:
        """Whether the caller's lists reach a provider's model."""
        return policy.decide_model(self._acl.current(), caller, provider, model).allowed

    def check_plan(self, caller: Caller, plan: Plan, model: Model) -> None:
        """Raise Forbidden where the plan passes a maximum of the caller's."""
        decision = policy.decide_plan(self._acl.current(), caller, plan, model)
        if not decision.allowed:
            raise Forbidden(
                "This is more than you may ask for.",
                hint=f"Ask for a smaller {decision.reason}, or ask the operator.",
                details={"limit": decision.reason},
            )

    def check_spending(self, caller: Caller, provider: str) -> None:
        """Raise Forbidden where the operator has stopped the caller's spending at the provider."""
        if policy.stopped(self._acl.current(), caller, provider):
            raise Forbidden(
                "The operator has stopped this spending.",
                hint="Use a free model, or ask the operator.",
            )

    def scopes(self, caller: Caller) -> frozenset[Scope]:
        """The scopes in force for the caller."""
        return policy.granted(self._acl.current(), caller, self._today())

    def groups(self) -> tuple[str, ...]:
        """The groups that the ACL names."""
        return tuple(self._acl.current().groups)

    def consents(self, caller: Caller) -> frozenset[Consent]:
        """The strengths of consent by which the caller may spend; none is may not spend."""
        return accepted(self.scopes(caller), human=self._rules.human)

    def ways(self, caller: Caller, *priced: tuple[Plan, Quote]) -> frozenset[Consent]:
        """The same for plans: by nobody's word where the operator has nobody asked about them."""
        strengths = self.consents(caller)
        kinds = {self.unasked(plan, quote) for plan, quote in priced}
        waived = Consent.WAIVED in kinds and kinds <= UNASKED
        return frozenset({Consent.WAIVED}) if strengths and waived else strengths

    def consented(self, caller: Caller, consent: Consent) -> bool:
        """Whether a consent that was taken earlier still lets the caller spend."""
        strengths = self.consents(caller)
        return bool(strengths) and (consent is Consent.WAIVED or consent in strengths)

    def quote(self, plan: Plan, model: Model) -> Quote:
        """The price ceiling, under a new id; recorded once a question is asked. Raises Unpriced."""
        most = pricing.ceiling(plan, model)
        return Quote(
            id=self._new_id(Kind.QUOTE),
            digest=plan.digest(),
            provider=plan.provider,
            model=plan.model,
            count=plan.ask.n,
            size=str(plan.size or "auto"),
            ceiling=most.amount,
            estimate=most.estimate,
            expires_at=self._clock.now() + self._rules.quote_seconds * _MICRO,
        )

    async def offered(self, caller: Caller, quote: Quote) -> str | None:
        """The id of the open question about exactly what a quote is of, if there is one."""
        return await self._books.offered(caller, quote, self._clock.now())

    async def admit(self, wish: Wish) -> Admitted:
        """Let an ask in.

        Raises Forbidden, Unavailable, Unpriced, BudgetExceeded, Busy, QuotaExceeded, StorageQuota,
        ConfirmationInvalid, or ConfirmationRequired with the quote recorded.
        """
        demand = self._allowed(wish)
        if demand.consent in UNASKED:
            return await self._enter(demand)
        strengths = self.consents(wish.caller)
        earlier = await self._books.find(demand)
        if earlier is not None:
            return Admitted(job=earlier, fresh=False)
        if Consent.UNATTENDED in strengths:
            return await self._enter(replace(demand, consent=Consent.UNATTENDED))
        if wish.answer is not None and wish.answer.consent in strengths:
            return await self._enter(
                replace(demand, consent=wish.answer.consent, given=wish.answer.quote)
            )
        try:
            return await self._enter(replace(demand, consent=Consent.HUMAN))
        except ConfirmationInvalid:
            raise await self._questions.one(wish, demand.quote, strengths) from None

    async def admit_all(self, wishes: Sequence[Wish], answer: Answer | None) -> AdmittedAll:
        """Let several asks of one caller in as a group, or none of them.

        Each is one call where a budget limits a call. `answer` is to the question for all; that
        of a wish counts nothing. Raises as `admit` does, a fault of one naming its item.
        """
        bulk = self._bulk(wishes)
        places = await self._books.missing(bulk)
        owed = [
            bulk.demands[place] for place in places if bulk.demands[place].consent not in UNASKED
        ]
        if not owed:
            return await self._enter_all(bulk)
        caller = wishes[0].caller
        strengths = self.consents(caller)
        bulk = replace(
            bulk, quote=batch.quote_of([each.quote for each in owed], bulk.quote.id, bulk.digest)
        )
        if Consent.UNATTENDED in strengths:
            return await self._enter_all(bulk, Consent.UNATTENDED)
        if answer is not None and answer.consent in strengths:
            return await self._enter_all(bulk, answer.consent, answer.quote)
        try:
            return await self._enter_all(bulk, Consent.HUMAN)
        except ConfirmationInvalid:
            raise await self._questions.whole(wishes, owed, bulk.quote, strengths) from None

    async def withdraw(self, caller: Caller, group: str, origin: Origin) -> tuple[str, ...]:
        """End what waits of a group, and return those jobs. Raises NotFound."""
        return await self._books.withdraw(caller, group, origin, self._clock.now())

    async def settle(self, job: Job, verdict: Verdict, report: Report) -> bool:
        """Enter how a job ended. False where the attempt is no longer the job's.

        Unless the verdict says so itself or the outcome is unknown, the cost is the
        reported usage at the model's price if that lies within the ceiling, else the ceiling, less
        the share of pictures that surely cost nothing.
        """
        if verdict.settled is None and verdict.state is not State.OUTCOME_UNKNOWN:
            plan = report.plan or read_plan(job.plan)
            reported = self._cost(plan, report.usage) if report.usage else None
            cost = spending.cost(job.ceiling, plan.ask.n, reported, report.missing)
            verdict = replace(verdict, settled=spending.settle(job.ceiling, cost))
        return await self._books.settle(verdict)

    def _allowed(self, wish: Wish) -> Demand:
        """What a wish demands, if the caller may have it and, where it costs, may spend at all."""
        component = component_of(wish.plan.ask)
        if not self.decide(wish.caller, component, Scope.IMAGES_WRITE).allowed:
            raise Forbidden("You may not make images.", hint="Ask the operator.")
        self.check_plan(wish.caller, wish.plan, wish.model)
        demand = self._demand(wish)
        if demand.consent is not Consent.FREE:
            self.check_spending(wish.caller, wish.plan.provider)
            if not self.consents(wish.caller):
                raise Forbidden(
                    "You may not spend on paid models.",
                    hint="Use a free model, or ask the operator.",
                )
        return demand

    def _bulk(self, wishes: Sequence[Wish]) -> Bulk:
        demands = []
        for place, wish in enumerate(wishes):
            try:
                demand = self._allowed(wish)
            except Fault as fault:
                raise batch.at_item(fault, place) from None
            # Jobs are claimed by age, so that the first of them is the first to begin.
            demands.append(replace(demand, now=demand.now + place))
        digest = batch.whole(demand.quote.digest for demand in demands)
        quotes = [demand.quote for demand in demands]
        quote = batch.quote_of(quotes, self._new_id(Kind.QUOTE), digest)
        return Bulk(
            group=self._new_id(Kind.GROUP),
            digest=batch.whole(wish.plan.asked or wish.plan.ask.digest() for wish in wishes),
            demands=tuple(
                replace(each, quote=replace(each.quote, id=quote.id)) for each in demands
            ),
            quote=quote,
        )

    async def _enter(self, demand: Demand) -> Admitted:
        entering = self.quotas.entered(self._books.admit(demand))
        return await self.accounts.entered(entering, demand.now)

    async def _enter_all(
        self, bulk: Bulk, consent: Consent = Consent.FREE, given: str | None = None
    ) -> AdmittedAll:
        entering = self.quotas.entered(self._books.admit_all(_consented(bulk, consent, given)))
        return await self.accounts.entered(entering, bulk.demands[0].now)

    def _cost(self, plan: Plan, usage: Usage) -> Nano | None:
        offer = self._catalogue.current().offer(plan.provider)
        model = offer.model(plan.model) if offer else None
        return pricing.actual(usage, plan, model) if model else usage.cost

    def _demand(self, wish: Wish) -> Demand:
        now = self._clock.now()
        quote = self.quote(wish.plan, wish.model)
        reuse = self._rules.reuse_seconds
        return Demand(
            job=self._new_id(Kind.JOB),
            caller=wish.caller,
            plan=wish.plan,
            quote=quote,
            consent=self.unasked(wish.plan, quote) or Consent.CLIENT,
            given=None,
            charges=self.accounts.charges(wish.caller, wish.plan, quote.ceiling, now),
            capacity=self._rules.capacity,
            origin=wish.origin,
            reuse_since=now - reuse * _MICRO if reuse else None,
            now=now,
            shape=self._rules.shaper.ask(wish.plan.ask) if self._rules.shaper else None,
            quota=self.quotas.of(wish.caller),
        )

    def unasked(self, plan: Plan, quote: Quote) -> Consent | None:
        """Why no question stands before a plan, if none does."""
        if quote.ceiling == FREE:
            return Consent.FREE
        asked, named = (
            self._rules.asked,
            {plan.provider, *(each.provider for each in plan.fallbacks)},
        )
        return Consent.WAIVED if asked is not None and asked.isdisjoint(named) else None

    def _today(self) -> date:
        """Worked out once a minute: it is asked on every call, and no day begins within one."""
        minute = self._clock.now() // _MINUTE
        if self._day[0] != minute:
            moment = datetime.fromtimestamp(minute * 60, UTC)
            self._day = (minute, moment.astimezone(self._rules.zone).date())
        return self._day[1]


def component_of(ask: Ask) -> str:
    """The tool that the ACL knows an ask by."""
    return "refine_image" if ask.continued is not None else _COMPONENTS[ask.action]


def _consented(bulk: Bulk, consent: Consent, given: str | None) -> Bulk:
    demands = tuple(
        each
        if each.consent in UNASKED
        else replace(each, consent=consent, quote=replace(each.quote, id=given or each.quote.id))
        for each in bulk.demands
    )
    return replace(bulk, demands=demands, given=given)
