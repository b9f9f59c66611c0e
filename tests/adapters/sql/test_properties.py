"""Whatever is done in whatever order, ledger, accounts and jobs say the same, as a model does."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.core.budget import Level
from imagewright.core.caller import Caller
from imagewright.core.errors import BudgetExceeded
from imagewright.core.job import JOINABLE, Job, State
from imagewright.ports.jobs import Lease
from tests.adapters.sql.invariants import broken
from tests.adapters.sql.postgres import Postgres
from tests.contracts.books import EVERYONE, balance
from tests.contracts.samples import NOON, OWNER, TEAM_MATE, WHENCE, Desk, day, verdict

Answer = TypeVar("Answer")
LIMIT = 16


@dataclass
class Known:
    """What the model remembers of a job."""

    job: Job
    caller: Caller
    prompt: str
    state: State = State.QUEUED
    started: bool = False
    taken: bool = False
    aside: bool = False


class Machine(RuleBasedStateMachine):
    """Two subjects share a budget; the model is a list of jobs and two sums."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        url = self.url or f"sqlite:///{Path(self.directory.name) / 'books.db'}"
        self.database = Database(SqlConfig(url=url, pool=2))
        self.do(self.database.open())
        if self.url:
            self.do(self.database.write(_empty))
        self.desk = Desk(SqlBooks(self.database), SqlJobs(self.database), SqlLibrary(self.database))
        self.known: list[Known] = []
        self.held = self.settled = 0

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    def in_state(self, state: State) -> list[Known]:
        return [each for each in self.known if each.state is state]

    def carried_out(self) -> list[Known]:
        return [each for each in self.in_state(State.RUNNING) if not each.aside]

    @rule(
        caller=st.sampled_from([OWNER, TEAM_MATE]),
        prompt=st.sampled_from(["fox", "dog", "owl"]),
        ceiling=st.sampled_from([0, 1, 7, 12]),
    )
    def ask(self, caller: Caller, prompt: str, ceiling: int) -> None:
        same = [
            each
            for each in self.known
            if (each.caller, each.prompt) == (caller, prompt) and each.state in JOINABLE
        ]
        charges = (day(Level.EVERYONE, "", LIMIT), day(Level.SUBJECT, caller.subject))
        demand = self.desk.demand(prompt, caller, ceiling=ceiling, charges=charges)
        room = not ceiling or self.held + self.settled + ceiling <= LIMIT
        try:
            admitted = self.do(self.desk.books.admit(demand))
        except BudgetExceeded:
            assert not same
            assert not room
            return
        assert admitted.fresh == (not same)
        if same:
            assert admitted.job.id == same[0].job.id
            return
        assert room
        self.held += ceiling
        self.known.append(Known(admitted.job, caller, prompt))

    @rule()
    def run_to_the_end(self) -> None:
        """Claim, start and settle at the ceiling, so that what is settled fills the budget too."""
        self.claim(start=True)
        running = self.carried_out()
        if running:
            self.end(running[-1], 2)

    @rule(start=st.booleans())
    def claim(self, start: bool) -> None:
        job = self.do(self.desk.claim())
        if job is None:
            running = [each.caller for each in self.carried_out()]
            assert not any(each.aside for each in self.known)
            assert all(running.count(each.caller) >= 2 for each in self.in_state(State.QUEUED))
            return
        (taken,) = [each for each in self.known if each.job.id == job.id]
        waiting = [each for each in self.in_state(State.RUNNING) if each.aside]
        assert taken.aside == bool(waiting)
        assert taken.aside or taken.state is State.QUEUED
        taken.job, taken.state = job, State.RUNNING
        if taken.aside:
            taken.aside = False
            return
        taken.started = start and self.do(self.desk.jobs.start(job, "worker-1", NOON))

    @precondition(lambda self: self.carried_out())
    @rule(data=st.data(), share=st.sampled_from([None, 0, 1, 2]), stale=st.booleans())
    def settle(self, data: st.DataObject, share: int | None, stale: bool) -> None:
        ended = data.draw(st.sampled_from(self.carried_out()))
        if stale:
            lost = verdict(ended.job, 0, state=State.FAILED, owner="worker-9")
            assert not self.do(self.desk.books.settle(lost))
        self.end(ended, share)

    def end(self, ended: Known, share: int | None) -> None:
        ceiling = ended.job.ceiling
        amount = None if share is None else ceiling * share // 2
        state = (
            State.SUCCEEDED if share else State.OUTCOME_UNKNOWN if share is None else State.FAILED
        )
        images = (self.desk.image(ended.job.id),) if share else ()
        told = verdict(ended.job, amount, state=state, images=images)
        assert self.do(self.desk.books.settle(told))
        assert not self.do(self.desk.books.settle(told))
        ended.state = state
        if amount is not None:
            self.held -= ceiling
            self.settled += amount

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.known))
        told = self.do(self.desk.books.cancel(chosen.caller, chosen.job.id, WHENCE, NOON))
        if chosen.state is State.QUEUED:
            chosen.state = State.CANCELED
            self.held -= chosen.job.ceiling
        assert told.state is chosen.state

    @precondition(lambda self: any(each.started for each in self.carried_out()))
    @rule(data=st.data(), aside=st.booleans())
    def accept(self, data: st.DataObject, aside: bool) -> None:
        """A vendor takes it under an id of its own; its worker goes on, or leaves it."""
        chosen = data.draw(st.sampled_from([each for each in self.carried_out() if each.started]))
        if not aside:
            self.do(self.desk.jobs.track(chosen.job, "order"))
            chosen.taken = True
        elif self.do(self.desk.jobs.put_aside(chosen.job, "worker-1", "order", NOON)):
            chosen.taken, chosen.aside = True, True

    @precondition(lambda self: any(each.taken for each in self.in_state(State.OUTCOME_UNKNOWN)))
    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        chosen = data.draw(
            st.sampled_from([each for each in self.in_state(State.OUTCOME_UNKNOWN) if each.taken])
        )
        lease = Lease(owner="worker-1", until=NOON)
        again = self.do(self.desk.jobs.reopen(chosen.job, lease))
        assert again is not None
        chosen.job, chosen.state = again, State.RUNNING

    @rule()
    def recover(self) -> None:
        running = self.carried_out()
        recovered = self.do(self.desk.jobs.recover(NOON, sole=True))
        aside = {each.job.id for each in running if each.taken}
        untold = [each for each in running if not each.taken]
        lost = {each.job.id for each in untold if each.started and each.job.ceiling}
        for each in running:
            each.aside = each.taken
        for each in untold:
            each.state = State.OUTCOME_UNKNOWN if each.job.id in lost else State.QUEUED
            each.started = each.started and each.job.id in lost
        assert set(recovered.unknown) == lost
        assert set(recovered.requeued) == {each.job.id for each in untold} - lost
        assert set(recovered.aside) == aside

    @invariant()
    def the_sums_are_the_models(self) -> None:
        assert self.do(balance(self.desk, EVERYONE)) == (self.held, self.settled)

    def teardown(self) -> None:
        wrong = self.do(self.database.read(broken))
        self.do(self.database.close())
        self.runner.close()
        self.directory.cleanup()
        assert wrong == []


def _empty(connection: Any) -> None:
    connection.exec_driver_sql("SET session_replication_role = replica")
    for table in ("audit", "ledger", "lineage", "tags", "images", "jobs", "quotes", "budgets"):
        connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
    connection.exec_driver_sql("SET session_replication_role = origin")


def explore(url: str, examples: int) -> None:
    machine = type("Explored", (Machine,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_sqlite_agrees_with_the_model() -> None:
    explore("", 40)


def test_postgres_agrees_with_the_model(postgres: Postgres) -> None:
    with postgres.database() as url:
        explore(url, 15)
