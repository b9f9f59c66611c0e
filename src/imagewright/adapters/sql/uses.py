"""When tokens were last used, in the database."""

from collections.abc import Mapping

from sqlalchemy import Connection, inspect, select

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.tables import token_use
from imagewright.adapters.sql.upsert import insert_for
from imagewright.ports.uses import Use


class SqlUses:
    """Implements `ports.uses.TokenUses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, uses: Mapping[Use, int]) -> None:
        # In one order, so that two nodes that write the same rows do not wait for each other.
        rows = [
            {"credential": use.credential, "mark": use.mark, "used_at": at}
            for use, at in sorted(uses.items(), key=lambda each: (each[0].credential, each[0].mark))
        ]
        if rows:
            await self._database.write(lambda connection: _record(connection, rows))

    async def latest(self) -> Mapping[Use, int]:
        return await self._database.read(_latest)


def _record(connection: Connection, rows: list[dict[str, object]]) -> None:
    insert = insert_for(connection.dialect.name, token_use)
    later = insert.excluded.used_at > token_use.c.used_at
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["credential", "mark"],
            set_={"used_at": insert.excluded.used_at},
            where=later,
        ),
        rows,
    )


def _latest(connection: Connection) -> Mapping[Use, int]:
    # A command may look at a database that no service has brought this far yet.
    if not inspect(connection).has_table(token_use.name):
        return {}
    found = connection.execute(select(token_use))
    return {Use(row.credential, row.mark): row.used_at for row in found}
