"""A server that is silent is no reason to end this process."""

import asyncio

from sqlalchemy import text

from imagewright.adapters.sql.database import Database, SqlConfig
from tests.adapters.sql.postgres import Postgres


async def test_threads_that_wait_for_a_server_count_as_turning(postgres: Postgres) -> None:
    with postgres.database(empty=True) as url:
        found = Database(SqlConfig(url=url, pool=1))
        await found.open()
        asleep = asyncio.create_task(
            found.write(lambda connection: connection.execute(text("SELECT pg_sleep(1)")).all())
        )
        await asyncio.sleep(0.1)
        assert [found.turns() for _ in range(3)] == [True] * 3
        assert not asleep.done()
        await asleep
        await found.close()
