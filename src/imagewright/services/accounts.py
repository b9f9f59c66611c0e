"""The accounts that asks are held on: whose they are, what they allow, when they begin again."""

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo

from imagewright.core.budget import Charge, Span, period, resets_at
from imagewright.core.caller import Caller
from imagewright.core.errors import BudgetExceeded
from imagewright.core.money import Nano, usd
from imagewright.core.plan import Plan
from imagewright.core.purse import Purse, charges, purses
from imagewright.ports.acl import AclSource
from imagewright.ports.books import Admitted, AdmittedAll
from imagewright.ports.clock import Clock
from imagewright.services.alarm import Alarm

_MICRO = 1_000_000
Entered = TypeVar("Entered", Admitted, AdmittedAll)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Where days and months begin, and by which clock."""

    zone: ZoneInfo
    clock: Clock


class Accounts:
    """Every level's accounts, by the ACL of the moment. Asked by the gate and for display."""

    def __init__(self, acl: AclSource, calendar: Calendar, alarm: Alarm) -> None:
        self._acl = acl
        self._zone = calendar.zone
        self._clock = calendar.clock
        self._alarm = alarm

    def purses(self, caller: Caller, providers: Iterable[str]) -> tuple[Purse, ...]:
        """Every level that counts the caller's spending at any of the providers."""
        acl = self._acl.current()
        known = caller.among(acl.groups)
        return purses(known, providers, acl.budgets(known))

    def spans(self, purse: Purse) -> dict[Span, Charge]:
        """A purse's account of this day and of this month, each with its limit."""
        now = self._clock.now()
        found = {each.account.period: each for each in charges([purse], now, self._zone)}
        return {span: found[period(span, now, self._zone)] for span in Span}

    def resets_at(self, span: Span) -> int:
        """When this day or month ends, in UTC microseconds."""
        return resets_at(span, self._clock.now(), self._zone)

    def charges(self, caller: Caller, plan: Plan, ceiling: Nano, at: int) -> tuple[Charge, ...]:
        """What an ask is held on: the accounts of whoever may do it. Raises as `check_call`."""
        self.check_call(caller, plan, ceiling)
        return charges(self.purses(caller, payees(plan)), at, self._zone)

    def check_call(self, caller: Caller, plan: Plan, ceiling: Nano) -> None:
        """Raise BudgetExceeded where one call may not cost as much at the plan's own provider."""
        _check_call(self.purses(caller, [plan.provider]), ceiling)

    async def entered(self, entering: Awaitable[Entered], at: int) -> Entered:
        """What the books entered, its alarms told; a full level's fault says when that ends."""
        try:
            found = await entering
        except BudgetExceeded as fault:
            raise self._with_reset(fault, at) from None
        for crossing in found.crossed:
            self._alarm.soft_limit(crossing)
        return found

    def _with_reset(self, fault: BudgetExceeded, at: int) -> BudgetExceeded:
        """The same fault, saying also when the period that is full ends (UTC seconds)."""
        details = dict(fault.details)
        for span in Span:
            if period(span, at, self._zone) == details.get("period"):
                ends = resets_at(span, at, self._zone) // _MICRO
                details |= {"span": span.value, "resets_at": ends}
        return BudgetExceeded(fault.sentence, hint=fault.hint, details=details)


def payees(plan: Plan) -> tuple[str, ...]:
    """The providers that may be paid for a plan: its own first, then those it may pass to."""
    return tuple(dict.fromkeys(each.provider for each in (plan, *plan.fallbacks)))


def _check_call(held: Sequence[Purse], ceiling: Nano) -> None:
    for purse in held:
        most = purse.budget.per_call
        if most is not None and ceiling > most:
            raise BudgetExceeded(
                f"This may cost ${usd(ceiling)}; one call may cost at most ${usd(most)}.",
                hint="Ask for fewer, smaller or simpler images.",
                details={
                    "level": purse.level.value,
                    "span": "call",
                    "limit_usd": usd(most),
                    "ceiling_usd": usd(ceiling),
                },
            )
