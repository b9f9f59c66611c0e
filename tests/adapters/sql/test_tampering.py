"""Somebody who can write to the database, but has not the key."""

import pytest
from sqlalchemy import (
    BigInteger,
    Connection,
    Executable,
    delete,
    insert,
    literal,
    select,
    text,
    update,
)

from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.tables import audit, seals
from tests.contracts.audit import note, sealed, verified
from tests.contracts.samples import NOON, STRANGER

TRIGGERS = {
    "sqlite": ("audit_keeps_rows", "audit_loses_no_rows", "seals_keep_rows", "seals_lose_no_rows"),
    "postgresql": ("audit_keeps_rows ON audit", "seals_keep_rows ON seals"),
}


async def tamper(database: Database, *statements: str | Executable) -> None:
    """Do it as whoever owns the database could."""

    def do(connection: Connection) -> None:
        for trigger in TRIGGERS[connection.dialect.name]:
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        for statement in statements:
            connection.execute(text(statement) if isinstance(statement, str) else statement)

    await database.write(do)


@pytest.fixture
async def chain(audit: SqlAudit) -> SqlAudit:
    """Three seals, over lines 1 and 2, 3 and 4, 5 and 6."""
    for place in (0, 2, 4):
        await audit.enter((note(place), note(place + 1, subject=STRANGER.subject)))
        await audit.seal(NOON)
    return audit


COLUMNS = [each.name for each in audit.c if each.name not in {"id", "subject"}]


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_changed_line_is_found(database: Database, chain: SqlAudit, column: str) -> None:
    value = 7 if column in {"at", "amount", "count"} else "forged"
    await tamper(database, update(audit).where(audit.c.id == 3).values({column: value}))
    found = await verified(chain)
    assert found.broken is not None
    assert (found.broken.seal, found.broken.ids) == (2, "3-4")
    assert found.broken.sentence == "A line was changed, or the seal."
    assert (found.seals, found.lines) == (1, 2)


async def test_a_line_emptied_of_a_value_is_found(database: Database, chain: SqlAudit) -> None:
    await tamper(database, "UPDATE audit SET reason = NULL WHERE id = 3")
    found = await verified(chain)
    assert found.broken is not None
    assert found.broken.seal == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET subject = (SELECT subject FROM audit WHERE id = 2) WHERE id = 3",
        "UPDATE subjects SET name = 'user:other' WHERE name = 'user:owner@example.com'",
    ],
)
async def test_a_line_given_to_another_is_found(
    database: Database, chain: SqlAudit, statement: str
) -> None:
    await tamper(database, statement)
    found = await verified(chain)
    assert found.broken is not None
    assert found.broken.sentence == "A line was changed, or the seal."


async def test_a_removed_line_is_named(database: Database, chain: SqlAudit) -> None:
    await tamper(database, "DELETE FROM audit WHERE id = 4")
    found = await verified(chain)
    assert found.broken is not None
    assert (found.broken.seal, found.broken.sentence) == (2, "Lines were removed: 4.")


def copied(number: int) -> Executable:
    """Line 3 once more, under another number."""
    rest = [column for column in audit.c if column.name != "id"]
    line = select(literal(number, BigInteger), *rest).where(audit.c.id == 3)
    return insert(audit).from_select(["id", *rest], line)


@pytest.mark.parametrize("number", [0, -5])
async def test_an_added_line_is_named(database: Database, chain: SqlAudit, number: int) -> None:
    await tamper(database, copied(number))
    assert await chain.seal(NOON) is None
    found = await verified(chain)
    assert found.broken is not None
    assert found.broken.sentence == f"Line {number} was added."


async def test_a_line_added_far_ahead_keeps_no_later_line_from_its_seal(
    database: Database, chain: SqlAudit
) -> None:
    await tamper(database, copied(10**12))
    await sealed(chain, note(7))
    await sealed(chain, note(8, at=NOON))
    late = await chain.seal(NOON + 2 * 3_600_000_000)
    assert late is None
    await chain.enter((note(9),))
    assert await chain.seal(NOON + 3 * 3_600_000_000) is not None
    assert (await verified(chain)).waiting == 0


@pytest.mark.parametrize("number", [1, 2])
async def test_a_removed_seal_is_named(database: Database, chain: SqlAudit, number: int) -> None:
    await tamper(database, delete(seals).where(seals.c.number == number))
    found = await verified(chain)
    assert found.broken is not None
    assert found.broken.sentence == f"Seal {number} was removed."


async def test_an_end_that_was_cut_off_is_told_by_the_head(
    database: Database, chain: SqlAudit
) -> None:
    head = (await chain.seals(2, 1))[0].head
    assert (await verified(chain, head=head)).broken is None
    await tamper(database, "DELETE FROM seals WHERE number = 3", "DELETE FROM audit WHERE id > 4")
    assert (await verified(chain)).broken is None
    cut = await verified(chain, head=head)
    assert cut.broken is not None
    assert cut.broken.sentence == "The chain was cut off: there is no seal 3."


async def test_an_end_that_was_written_again_is_told_by_the_head(
    database: Database, chain: SqlAudit
) -> None:
    head = (await chain.seals(2, 1))[0].head
    await tamper(
        database, "DELETE FROM seals WHERE number = 3", "UPDATE audit SET thing = 'x' WHERE id = 5"
    )
    await chain.seal(NOON)
    assert (await verified(chain)).broken is None
    again = await verified(chain, head=head)
    assert again.broken is not None
    assert again.broken.sentence == "It is not the seal whose head was kept."


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", 7),
        ("ids", "3-5"),
        ("ids", "3,4"),
        ("ids", "1-9000000000000000000"),
        ("ids", "nothing"),
        ("last", 9),
        ("holes", "[[1,2,3]]"),
        ("holes", "{}"),
        ("key", "00000000"),
        ("previous", "0" * 64),
        ("mac", "0" * 64),
        ("mac", "ü"),
    ],
)
async def test_a_changed_seal_is_found(
    database: Database, chain: SqlAudit, column: str, value: object
) -> None:
    await tamper(database, update(seals).where(seals.c.number == 2).values({column: value}))
    found = await verified(chain)
    assert found.broken is not None
    assert found.broken.seal == 2


async def test_two_lines_that_changed_places_are_found(database: Database, chain: SqlAudit) -> None:
    await tamper(
        database,
        "UPDATE audit SET id = 99 WHERE id = 3",
        "UPDATE audit SET id = 3 WHERE id = 4",
        "UPDATE audit SET id = 4 WHERE id = 99",
    )
    found = await verified(chain)
    assert found.broken is not None
    assert found.broken.seal == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seals SET at = 7", "DELETE FROM seals",
        "UPDATE audit SET at = 7", "DELETE FROM audit",
    ],
)  # fmt: skip
async def test_the_service_itself_changes_and_removes_nothing(
    database: Database, chain: SqlAudit, statement: str
) -> None:
    with pytest.raises(Exception, match="append-only"):
        await database.write(lambda c: c.execute(text(statement)).close())
    assert (await verified(chain)).broken is None
