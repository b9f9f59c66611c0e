"""What the books leave behind: every step audited, no prompt, each name once."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import IntegrityError

from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.tables import audit, images, jobs, ledger, metadata, subjects
from imagewright.core.errors import NotFound
from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.quote import Consent
from imagewright.core.spending import Settled
from tests.contracts.audit import KEY
from tests.contracts.samples import (
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    WHENCE,
    Desk,
    made_from,
    verdict,
)

ADMISSION = 6
"""Statements: subject, same ask and room, accounts, job, ledger, audit with revocations."""
PROMPT = "an unmistakable pangolin"


@pytest.fixture
async def busy(desk: Desk) -> Desk:
    """Something of everything was done by the owner."""
    demand = desk.demand(PROMPT)
    quote = await desk.books.offer(OWNER, demand.quote, WHENCE, NOON)
    await desk.admit(PROMPT, given=quote.id, consent=Consent.HUMAN)
    await desk.admit(PROMPT, given=quote.id, consent=Consent.HUMAN)
    job = await desk.run()
    image = desk.image(job.id, PROMPT)
    settled = Settled(amount=Nano(PRICE // 2), disputed=Nano(PRICE * 9))
    await desk.books.settle(verdict(job, settled=settled, images=(image,)))
    canceled = await desk.admit("cancel it")
    await desk.books.cancel(OWNER, canceled.id, WHENCE, NOON + SECOND)
    await desk.admit("lose it")
    await desk.run()
    await desk.jobs.recover(NOON + SECOND, sole=True)
    return desk


async def rows(database: Database, table: Any) -> Sequence[Any]:
    return await database.read(lambda c: c.execute(select(table).order_by(table.c.id)).all())


async def test_every_step_is_audited_once(database: Database, busy: Desk) -> None:
    entered = await rows(database, audit)
    assert [(row.action, row.outcome, row.reason, row.amount) for row in entered] == [
        ("quote", "offered", None, PRICE),
        ("admit", "entered", "human", PRICE),
        ("admit", "joined", "human", 0),
        ("settle", "succeeded", None, PRICE // 2),
        ("admit", "entered", "unattended", PRICE),
        ("cancel", "canceled", None, None),
        ("admit", "entered", "unattended", PRICE),
        ("recover", "outcome_unknown", None, None),
    ]
    assert {row.credential for row in entered} == {"tok-1"}
    assert {row.request for row in entered} == {"req-1", None}
    assert {row.address for row in entered if row.request} == {"192.0.2.7"}


async def test_images_brought_in_and_deleted_are_audited_with_them(
    database: Database, desk: Desk
) -> None:
    first, second = desk.image(), desk.image()
    child = desk.image(parents=made_from(first))
    for image in (first, second, child):
        await desk.library.add(OWNER, image, WHENCE)
    await desk.library.delete(OWNER, first.id, WHENCE, NOON + SECOND, derived=True)
    with pytest.raises(NotFound):
        await desk.library.delete(STRANGER, second.id, WHENCE, NOON, derived=False)
    with pytest.raises(IntegrityError):
        await desk.library.add(OWNER, second, WHENCE)
    entered = await rows(database, audit)
    assert [(row.action, row.thing, row.outcome, row.at) for row in entered] == [
        ("import", first.id, "entered", NOON),
        ("import", second.id, "entered", NOON),
        ("import", child.id, "entered", NOON),
        ("delete", first.id, "deleted", NOON + SECOND),
    ]
    (deleted,) = await SqlAudit(database, KEY).newest(1)
    assert deleted.count == 2
    assert {(row.credential, row.request, row.address, row.client) for row in entered} == {
        ("tok-1", "req-1", "192.0.2.7", "tests")
    }


async def test_an_admission_keeps_its_shape_and_costs_no_statement_more(
    database: Database, desk: Desk
) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    await desk.admit("first")
    event.listen(Engine, "before_cursor_execute", note)
    try:
        await desk.admit("second", shape='{"n":"given"}')
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(statements) == ADMISSION, statements
    assert [row.shape for row in await rows(database, audit)] == [None, '{"n":"given"}']


async def test_the_ledger_tells_what_moved(database: Database, busy: Desk) -> None:
    entered = await rows(database, ledger)
    assert [(row.kind, row.amount, row.disputed) for row in entered] == [
        ("hold", PRICE, None),
        ("settle", PRICE // 2, PRICE * 9),
        ("release", PRICE // 2, None),
        ("hold", PRICE, None),
        ("release", PRICE, None),
        ("hold", PRICE, None),
    ]
    assert {(row.provider, row.model, row.credential) for row in entered} == {
        ("painter", "brush-1", "tok-1")
    }


async def test_a_subjects_name_stands_once_in_all_the_database(
    database: Database, busy: Desk
) -> None:
    def places(connection: Connection) -> list[str]:
        return [
            table.name
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
            if OWNER.subject in repr(tuple(row))
        ]

    assert await database.read(places) == [subjects.name]


async def test_a_prompt_stands_with_the_job_and_the_image_only(
    database: Database, busy: Desk
) -> None:
    def places(connection: Connection) -> set[str]:
        return {
            table.name
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
            if "pangolin" in repr(tuple(row))
        }

    assert await database.read(places) == {jobs.name, images.name}


async def test_a_free_ask_leaves_no_money_in_the_ledger(database: Database, desk: Desk) -> None:
    await desk.admit(ceiling=0)
    job = await desk.run()
    await desk.books.settle(verdict(job, 0, state=State.SUCCEEDED))
    assert await rows(database, ledger) == []
