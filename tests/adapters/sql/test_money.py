"""Whatever is asked, fails, dies, is billed or changed, at whatever hour, no limit is passed.

The whole road is driven, from the door to the vendor, on both databases. After each step nothing
on any account passes the highest limit it was let in under, but for what bills have added, and
ledger, accounts, jobs and images agree.
"""

import asyncio
import itertools
import tempfile
from collections import Counter, defaultdict
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.tables import images, jobs
from imagewright.core.adjustment import Adjustment
from imagewright.core.ask import AUTO, Ask
from imagewright.core.budget import Account, Budget, Level
from imagewright.core.caller import Caller
from imagewright.core.catalogue import Offer
from imagewright.core.errors import (
    BudgetExceeded,
    InvalidRequest,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRejected,
)
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.policy import Entry
from imagewright.core.revocation import Warrant
from imagewright.core.spending import Usage
from imagewright.ports.books import Capacity
from tests.adapters.sql.invariants import broken
from tests.adapters.sql.postgres import Postgres
from tests.adapters.sql.test_properties import _empty
from tests.fakes.provider import Act, ScriptedProvider, fails, returns
from tests.services.shop import BOT, OLGA, ORIGIN, PRICE, Shop, entry, grants, model

Answer = TypeVar("Answer")
HOUR = 3600
DEAR = Offer(name="painter", title="Painter", models=(model("brush", {"*": 3 * PRICE}),))
CHEAP = Offer(name="carver", title="Carver", models=(model("knife", {"*": PRICE}),))
ENDLESS = 10**18
CALLERS = tuple(replace(caller, groups=frozenset({"design"})) for caller in (BOT, OLGA))
ACTS: Mapping[str, Act] = {
    "says nothing": returns(),
    "says one": returns(usage=Usage(pictures=1)),
    "says less than nothing": returns(usage=Usage(cost=Nano(-5))),
    "says far too much": returns(usage=Usage(cost=Nano(ENDLESS))),
    "is busy": fails(ProviderBusy("No.")),
    "refuses": fails(ProviderRejected("No.")),
    "breaks off": fails(OutcomeUnknown("It broke off.")),
}
PURSES = st.sampled_from(["bot", "olga", "token", "design", "painter", "carver", "everyone"])
AMOUNTS = st.sampled_from([None, 0, 1, 3, 4, 7, 12]).map(
    lambda count: None if count is None else Nano(count * PRICE)
)


ASKS = st.tuples(
    st.integers(0, 1),
    st.integers(0, 9),
    st.integers(1, 2),
    st.sampled_from([AUTO, "painter", "carver"]),
)
"""Whose caller, which prompt, how many images, at whom."""


class Money(RuleBasedStateMachine):
    """Two subjects of one group, one with a token of its own budget, at two providers."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        url = self.url or f"sqlite:///{Path(self.directory.name) / 'books.db'}"
        self.database = Database(SqlConfig(url=url, pool=2))
        self.do(self._open())
        self.budgets: dict[str, Budget] = {}
        self.known: dict[str, tuple[Account, ...]] = {}
        self.most: defaultdict[Account, int] = defaultdict(int)
        self.bills: Counter[Account] = Counter()
        self.references = itertools.count()
        self.apply()

    async def _open(self) -> None:
        await self.database.open()
        if self.url:
            await self.database.write(_empty)
        self.shop = Shop(self.database)
        self.carver = ScriptedProvider()
        room = Capacity(queued=1000, waiting=1000)
        self.shop.offer(DEAR, CHEAP, first="painter", reuse_seconds=0, capacity=room)

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    def apply(self) -> None:
        """Have the ACL say what the budgets are now."""

        def limited(name: str) -> Entry:
            budget = self.budgets.get(name, Budget())
            return entry("images:read", "images:write", "spend:unattended", budget=budget)

        self.shop.acl.acl = grants(
            subjects={BOT.subject: limited("bot"), OLGA.subject: limited("olga")},
            groups={"design": Entry(budget=self.budgets.get("design", Budget()))},
            everyone=Entry(budget=self.budgets.get("everyone", Budget())),
            providers={name: self.budgets.get(name, Budget()) for name in ("painter", "carver")},
        )

    def caller(self, place: int) -> Caller:
        caller = CALLERS[place]
        budget = self.budgets.get("token", Budget()) if place else Budget()
        return replace(caller, credential=replace(caller.credential, budget=budget))

    def used(self, *accounts: Account) -> list[int]:
        found = self.do(self.shop.books.balances(accounts))
        return [each.held + each.settled for each in found]

    def jobs_in(self, *states: State) -> list[Job]:
        found = [self.do(self._job(job)) for job in self.known]
        return [job for job in found if job.state in states]

    async def _job(self, id: str) -> Job:
        for caller in CALLERS:
            listed = await self.shop.jobs.list(
                caller.subject, open_only=False, limit=1000, before=None
            )
            for job in listed:
                if job.id == id:
                    return job
        raise LookupError(id)

    @initialize(name=PURSES, count=st.integers(1, 9))
    def begin_with_a_limit(self, name: str, count: int) -> None:
        self.limit(name, Nano(count * PRICE), None)

    @rule(asks=st.lists(ASKS, min_size=1, max_size=4))
    def asks(self, asks: list[tuple[int, int, int, str]]) -> None:
        for each in asks:
            self.ask(*each)

    def ask(self, place: int, prompt: int, n: int, provider: str) -> None:
        caller, shop = self.caller(place), self.shop
        asked = Ask(prompt=f"fox {prompt}", n=n, provider=provider)
        plan, made_by = shop.images.plan(caller, asked)
        ceiling = shop.gate.quote(plan, made_by).ceiling
        charges = shop.gate.accounts.charges(caller, plan, ceiling, shop.clock.now())
        try:
            admitted = self.do(shop.images.order(caller, asked, None, ORIGIN))
        except BudgetExceeded as fault:
            full = [
                charge
                for charge, used in zip(
                    charges, self.used(*(each.account for each in charges)), strict=True
                )
                if charge.limit is not None and used + ceiling > charge.limit
            ]
            named = (fault.details["level"], fault.details["period"])
            assert named in {(each.account.level.value, each.account.period) for each in full}
            return
        if not admitted.fresh:
            return
        accounts = tuple(each.account for each in charges)
        self.known[admitted.job.id] = accounts
        for charge, used in zip(charges, self.used(*accounts), strict=True):
            limit = ENDLESS if charge.limit is None else charge.limit
            assert used <= limit, charge
            self.most[charge.account] = max(self.most[charge.account], limit)

    @rule(painter=st.sampled_from(sorted(ACTS)), carver=st.sampled_from(sorted(ACTS)))
    def work(self, painter: str, carver: str) -> None:
        job = self.do(self.shop.claim())
        if job is None:
            return
        self.shop.provider.act, self.carver.act = ACTS[painter], ACTS[carver]
        providers = {"painter": self.shop.provider, "carver": self.carver}
        self.do(self.shop.work(providers=providers).carry_out(job))

    @rule(started=st.booleans())
    def crash(self, started: bool) -> None:
        job = self.do(self.shop.claim("a worker that dies"))
        if job is not None and started:
            self.do(self.shop.table.start(job, "a worker that dies", self.shop.clock.now()))

    @rule()
    def recover(self) -> None:
        self.do(self.shop.table.recover(self.shop.clock.now(), sole=True))
        assert self.jobs_in(State.RUNNING) == []

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = self.do(self._job(data.draw(st.sampled_from(sorted(self.known)))))
        self.do(self.shop.jobs.cancel(job.caller, job.id, ORIGIN))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), amount=st.sampled_from([-2 * PRICE, -1, 1, PRICE, 5 * PRICE]))
    def bill(self, data: st.DataObject, amount: int) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.known)))
        before = self.do(self._job(id_)).actual
        adjustment = Adjustment(
            job=id_,
            amount=Nano(amount),
            reference=f"bill {next(self.references)}",
            warrant=Warrant(by="root", reason="the bill", at=self.shop.clock.now()),
        )
        try:
            entered = self.do(self.shop.books.adjust(adjustment))
        except InvalidRequest:
            assert before is None or before + amount < 0
            return
        assert entered
        assert before is not None
        assert self.do(self._job(id_)).actual == before + amount
        assert not self.do(self.shop.books.adjust(adjustment))
        for account in self.known[id_]:
            self.bills[account] += max(0, amount)

    @rule(name=PURSES, day=AMOUNTS, month=AMOUNTS)
    def change(self, name: str, day: Nano | None, month: Nano | None) -> None:
        self.limit(name, day, month)

    def limit(self, name: str, day: Nano | None, month: Nano | None) -> None:
        self.budgets[name] = Budget(day=day, month=month, soft_day=Nano(PRICE))
        self.apply()

    @rule(hours=st.sampled_from([1, 13, 24, 24 * 31]))
    def time_passes(self, hours: int) -> None:
        self.shop.clock.advance(hours * HOUR)

    @rule(hours=st.sampled_from([-24 * 31, -24, -1, 24]))
    def the_clock_is_set(self, hours: int) -> None:
        self.shop.clock.jump(hours * HOUR)

    @invariant()
    def no_account_passes_what_it_was_let_in_under(self) -> None:
        accounts = tuple(sorted(self.most))
        for account, used in zip(accounts, self.used(*accounts), strict=True):
            assert used <= self.most[account] + self.bills[account], account

    @invariant()
    def ledger_accounts_jobs_and_images_agree(self) -> None:
        assert self.do(self.database.read(broken)) == []
        made = select(func.coalesce(func.sum(jobs.c.made), 0))
        there = select(func.count()).select_from(images)
        counts = self.do(self.database.read(lambda sql: (sql.scalar(made), sql.scalar(there))))
        assert counts[0] == counts[1]

    @invariant()
    def no_vendor_is_called_twice_for_a_job(self) -> None:
        for provider in (self.shop.provider, self.carver):
            called = Counter(order.key for order in provider.generated)
            assert all(count == 1 for count in called.values()), called

    @invariant()
    def a_soft_limit_is_told_of_once_an_account(self) -> None:
        days = {account for account in self.most if len(account.period) == len("2026-11-21")}
        told = Counter(self.shop.telemetry.soft)
        for level in Level:
            most = sum(account.level is level for account in days)
            assert told[level.value, "day"] <= most

    def teardown(self) -> None:
        self.do(self.database.close())
        self.runner.close()
        self.directory.cleanup()


def explore(url: str, examples: int) -> None:
    machine = type("Explored", (Money,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            # To shrink what fails takes longer than a test may; the steps are told as they were.
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_limit_is_passed_on_sqlite() -> None:
    explore("", 25)


def test_no_limit_is_passed_on_postgres(postgres: Postgres) -> None:
    with postgres.database() as url:
        explore(url, 10)
