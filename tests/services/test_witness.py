"""The witness: what it collects, what it drops, and that nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.core.audit import OPERATOR, Entry
from imagewright.core.errors import Unavailable
from imagewright.core.ranges import HIGHEST, Ranges
from imagewright.ports.audit import Audit, Note
from imagewright.services.witness import Act, Witness, WitnessRules
from tests.contracts.audit import KEY
from tests.contracts.samples import NOON, OWNER, STRANGER, WHENCE
from tests.fakes.clock import HandClock
from tests.fakes.interposed import Interposed
from tests.fakes.outside import Counted

RULES = WitnessRules(refusals=3, others=4)


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[Interposed]:
    database = Database(SqlConfig(url=f"sqlite:///{tmp_path}/books.db"))
    await database.open()
    yield Interposed(SqlAudit(database, KEY))
    await database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def witness(audit: Interposed, clock: HandClock, counted: Counted) -> Witness:
    return Witness(cast("Audit", audit), clock, counted, RULES)


def act(reason: str = "scope", **changes: Any) -> Act:
    usual = {"action": "call", "thing": "generate_image", "outcome": "denied", "origin": WHENCE}
    return Act(**{**usual, "reason": reason, **changes})


def started(file: str) -> Note:
    return Note(
        at=NOON, subject=OPERATOR, credential="", action="reload", thing=file, outcome="taken up"
    )


async def lines(audit: Interposed) -> list[Entry]:
    return list(await audit.entries(Ranges(((1, HIGHEST),)), 1000))


async def test_refusals_of_one_subject_for_one_reason_are_one_line(
    audit: Interposed, witness: Witness, clock: HandClock
) -> None:
    for _ in range(500):
        witness.refused(OWNER, act())
        clock.advance(0.001)
    witness.refused(OWNER, act("tool"))
    witness.refused(STRANGER, act())
    await witness.flush()
    told = {(each.subject, each.reason): each.count for each in await lines(audit)}
    assert told == {
        (OWNER.subject, "scope"): 500,
        (OWNER.subject, "tool"): 1,
        (STRANGER.subject, "scope"): 1,
    }
    witness.refused(OWNER, act())
    await witness.flush()
    assert len(await lines(audit)) == 4


async def test_a_line_tells_of_the_first(
    audit: Interposed, witness: Witness, clock: HandClock
) -> None:
    witness.refused(OWNER, act(shape="{}"))
    clock.advance(1)
    witness.refused(OWNER, act(thing="edit_image"))
    await witness.flush()
    (line,) = await lines(audit)
    assert line.public() == {
        "id": 1, "at": NOON, "subject": OWNER.subject, "credential": "tok-1",
        "action": "call", "thing": "generate_image", "outcome": "denied", "reason": "scope",
        "request": "req-1", "address": "192.0.2.7", "client": "tests", "shape": {}, "count": 2,
    }  # fmt: skip


async def test_nothing_is_written_until_it_is_time_and_nothing_where_nothing_is(
    audit: Interposed, witness: Witness
) -> None:
    await witness.flush()
    witness.refused(OWNER, act())
    assert audit.calls["enter"] == 0


async def test_other_notes_have_a_line_each(audit: Interposed, witness: Witness) -> None:
    witness.allowed(OWNER, act(action="read", outcome="allowed"))
    witness.allowed(OWNER, act(action="read", outcome="allowed"))
    witness.note(started("acl.toml"))
    await witness.flush()
    told = [(each.subject, each.action, each.count) for each in await lines(audit)]
    assert sorted(told) == [
        (OPERATOR, "reload", None),
        (OWNER.subject, "read", None),
        (OWNER.subject, "read", None),
    ]


async def test_what_finds_no_room_is_counted(
    audit: Interposed, witness: Witness, counted: Counted
) -> None:
    for place in range(5):
        witness.refused(OWNER, act(f"reason {place}"))
        witness.note(started(f"file {place}"))
    witness.refused(OWNER, act("reason 0"))
    assert sorted(counted.dropped) == ["call", "call", "reload"]
    await witness.flush()
    assert len(await lines(audit)) == 7


async def test_a_database_that_is_away_loses_nothing_and_grows_nothing(
    audit: Interposed, witness: Witness, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    audit.fail("enter", Unavailable("The database is away."), 2)
    witness.refused(OWNER, act())
    witness.note(started("acl.toml"))
    for _ in range(2):
        await witness.flush()
        witness.refused(OWNER, act())
    await witness.flush()
    told = [(each.action, each.count) for each in await lines(audit)]
    assert sorted(told, key=str) == [("call", 3), ("reload", None)]
    assert counted.dropped == []
    assert [vars(each)["code"] for each in caplog.records] == ["unavailable"]


async def test_what_comes_while_nothing_can_be_written_finds_only_the_room_there_is(
    audit: Interposed, witness: Witness, counted: Counted
) -> None:
    async def meanwhile() -> None:
        for place in range(3):
            witness.note(started(f"later {place}"))
            witness.refused(OWNER, act(f"later {place}"))

    audit.before["enter"] = meanwhile
    audit.fail("enter", Unavailable("The database is away."))
    for place in range(3):
        witness.note(started(f"first {place}"))
    witness.refused(OWNER, act("first"))
    await witness.flush()
    assert sorted(counted.dropped) == ["call", "reload", "reload"]
    audit.before.clear()
    await witness.flush()
    found = await lines(audit)
    told = [each.thing for each in found if each.action == "reload"]
    assert told == ["first 0", "first 1", "first 2", "later 0"]
    assert {each.reason for each in found if each.action == "call"} == {
        "first",
        "later 0",
        "later 1",
    }


async def test_a_mistake_of_ours_is_told_with_its_place(
    audit: Interposed, witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    audit.fail("enter", KeyError("ours"))
    witness.refused(OWNER, act())
    await witness.flush()
    assert vars(caplog.records[0])["code"] == "internal"
    assert caplog.records[0].exc_info
    await witness.flush()
    assert len(await lines(audit)) == 1


async def test_many_are_written_in_turns(audit: Interposed, clock: HandClock) -> None:
    witness = Witness(cast("Audit", audit), clock, Counted(), WitnessRules(reads=True))
    assert witness.reads
    for _ in range(450):
        witness.allowed(OWNER, act())
    await witness.flush()
    assert audit.calls["enter"] == 3
    assert len(await lines(audit)) == 450


async def test_it_writes_until_it_is_stopped(audit: Interposed, witness: Witness) -> None:
    caught = asyncio.create_task(witness.run())
    witness.refused(OWNER, act())
    while not await lines(audit):  # noqa: ASYNC110 - the table is no event
        await asyncio.sleep(0.02)
    caught.cancel()
    (ended,) = await asyncio.gather(caught, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)
