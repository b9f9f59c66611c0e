"""What streaming sums asks of a database beyond the contract."""

from sqlite3 import OperationalError as SqliteError

import pytest
from sqlalchemy.exc import OperationalError

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.sums import SqlLedger
from imagewright.core.errors import Unavailable
from imagewright.core.usage import By, Sum, Wanted
from tests.contracts.samples import NOON, OWNER, SECOND, STRANGER, Desk

DAY = 24 * 3600 * SECOND


class Outrun(SqliteError):
    """What PostgreSQL says where a reading was in the way of a recovery."""

    sqlstate = "40001"


async def test_a_reading_that_is_outrun_is_not_begun_again_once_it_has_told(
    database: Database, desk: Desk
) -> None:
    for caller in (OWNER, STRANGER):
        await desk.admit(caller=caller)
    told: list[Sum] = []

    def tell(each: Sum) -> None:
        told.append(each)
        raise OperationalError("SELECT", {}, Outrun())

    with pytest.raises(Unavailable, match="broke the reading off"):
        await SqlLedger(database).sums(Wanted(by=(By.SUBJECT,)), tell)
    assert len(told) == 1


async def test_a_day_is_told_before_the_next_is_read(database: Database, desk: Desk) -> None:
    for place in range(3):
        for caller in (OWNER, STRANGER):
            await desk.admit(f"fox {place}", caller, now=NOON + place * DAY)
    told: list[Sum] = []
    await SqlLedger(database).sums(Wanted(by=(By.SUBJECT, By.DAY)), told.append)
    assert [each.keys for each in told] == [
        (subject, f"2026-11-{day}")
        for day in (21, 22, 23)
        for subject in (STRANGER.subject, OWNER.subject)
    ]
