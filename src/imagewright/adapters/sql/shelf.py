"""Sealed values in the database."""

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.tables import sealed as rows
from imagewright.adapters.sql.upsert import insert_for
from imagewright.adapters.vault.shelf import Place, Sealed
from imagewright.ports.clock import Clock


class SqlShelf:
    """Implements `adapters.vault.shelf.Shelf`; whatever is put clears away what has expired."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, place: Place) -> Sealed | None:
        """See `Shelf.get`."""
        query = select(rows.c.data, rows.c.expires_at).where(self._at(place))
        found = await self._database.read(lambda connection: connection.execute(query).first())
        return None if found is None else Sealed(bytes(found.data), found.expires_at)

    async def put(self, place: Place, sealed: Sealed, *, replacing: bool = False) -> bool:
        """See `Shelf.put`."""
        values = {"data": sealed.data, "expires_at": sealed.expires_at}
        change = update(rows).where(self._at(place)).values(**values)
        over = delete(rows).where(rows.c.expires_at <= self._clock.now())

        def work(connection: Connection) -> bool:
            if replacing:
                return connection.execute(change).rowcount == 1
            connection.execute(over)
            insert = insert_for(connection.dialect.name, rows).values(
                collection=place.collection, key=place.key, **values
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[rows.c.collection, rows.c.key], set_=values
                )
            )
            return True

        return await self._database.write(work)

    async def delete(self, place: Place) -> bool:
        """See `Shelf.delete`."""
        query = delete(rows).where(self._at(place))
        return await self._database.write(
            lambda connection: connection.execute(query).rowcount == 1
        )

    async def count(self, collection: str) -> int:
        """See `Shelf.count`."""
        query = (
            select(func.count())
            .select_from(rows)
            .where(rows.c.collection == collection, self._alive())
        )
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def items(self, collection: str) -> tuple[tuple[str, Sealed], ...]:
        """See `Shelf.items`."""
        query = select(rows).where(rows.c.collection == collection, self._alive())
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple((each.key, Sealed(bytes(each.data), each.expires_at)) for each in found)

    def _at(self, place: Place) -> ColumnElement[bool]:
        return and_(rows.c.collection == place.collection, rows.c.key == place.key, self._alive())

    def _alive(self) -> ColumnElement[bool]:
        return or_(rows.c.expires_at.is_(None), rows.c.expires_at > self._clock.now())
