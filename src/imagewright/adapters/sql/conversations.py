"""Conversations in SQL."""

import builtins
from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection, Subquery, delete, func, select, tuple_

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found
from imagewright.adapters.sql.subjects import enrol, number_of
from imagewright.adapters.sql.tables import images, turns
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.ask import MAX_PROMPT
from imagewright.core.caller import Caller
from imagewright.core.conversation import Continued, Conversation, conversation_of, recent
from imagewright.core.errors import NotFound
from imagewright.ports.books import Origin as Whence

_KNOWN = (
    *(turns.c.image, turns.c.conversation, turns.c.parent, turns.c.prompt, turns.c.at),
    turns.c.continuation.is_not(None).label("left"),
)
"""All that is ever told of a turn; what the provider left may be long."""


class SqlConversations:
    """`ports.conversations.Conversations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def continued(self, subject: str, image: str) -> Continued:
        return await self._database.read(partial(_continued, subject=subject, image=image))

    async def continuation(self, subject: str, image: str) -> str | None:
        return await self._database.read(partial(_continuation, subject=subject, image=image))

    async def list(
        self, subject: str, *, limit: int, before: str | None
    ) -> tuple[Conversation, ...]:
        return await self._database.read(
            partial(_list, subject=subject, limit=limit, before=before)
        )

    async def clear(self, caller: Caller, conversation: str, whence: Whence, now: int) -> int:
        def work(connection: Connection) -> int:
            number = enrol(connection, caller.subject)
            count = connection.execute(
                delete(turns).where(turns.c.subject == number, turns.c.conversation == conversation)
            ).rowcount
            if not count:
                raise _none_such()
            deed = Deed(
                subject=number,
                credential=caller.credential.id,
                action="clear",
                thing=conversation,
                outcome="cleared",
                count=count,
            )
            record(connection, deed, now, whence)
            return count

        return await self._database.write(work)


def _none_such() -> NotFound:
    return NotFound(
        "There is no such conversation.", hint="Call list_conversations for those there are."
    )


def _continued(connection: Connection, subject: str, image: str) -> Continued:
    number = number_of(connection, subject)
    row = (
        connection.execute(
            select(images.c.provider, images.c.model, images.c.prompt).where(
                images.c.id == image, images.c.subject == number
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("There is no such image.")
    turn = _turn(connection, number, image)
    if turn is None:
        prompts: Iterator[str] = iter([row["prompt"]] if row["prompt"] else [])
    else:
        prompts = _prompts(connection, number, turn)
    earlier, cut = recent(prompts, MAX_PROMPT)
    return Continued(
        image=image,
        conversation=turn["conversation"] if turn else conversation_of(image),
        provider=row["provider"],
        model=row["model"],
        left=turn is not None and turn["left"],
        earlier=earlier,
        cut=cut,
    )


def _turn(connection: Connection, number: int | None, image: str) -> Found | None:
    query = select(*_KNOWN).where(turns.c.image == image, turns.c.subject == number)
    return connection.execute(query).mappings().one_or_none()


def _prompts(connection: Connection, number: int | None, turn: Found | None) -> Iterator[str]:
    """The prompts that led to a turn, newest first, as far back as its images are there."""
    while turn is not None:
        if turn["prompt"]:
            yield turn["prompt"]
        turn = _turn(connection, number, turn["parent"]) if turn["parent"] else None


def _continuation(connection: Connection, subject: str, image: str) -> str | None:
    number = number_of(connection, subject)
    query = select(turns.c.continuation).where(turns.c.image == image, turns.c.subject == number)
    found: str | None = connection.scalar(query)
    return found


def _list(
    connection: Connection, subject: str, *, limit: int, before: str | None
) -> tuple[Conversation, ...]:
    number = number_of(connection, subject)
    found = _refined(number)
    query = select(found)
    if before is not None:
        last = connection.execute(query.where(found.c.id == before)).mappings().one_or_none()
        if last is None:
            raise _none_such()
        query = query.where(tuple_(found.c.newest, found.c.id) < (last["newest"], last["id"]))
    query = query.order_by(found.c.newest.desc(), found.c.id.desc()).limit(limit)
    return tuple(
        _conversation(connection, number, row) for row in connection.execute(query).mappings().all()
    )


def _refined(number: int | None) -> Subquery:
    """A subject's conversations of more than their first turn."""
    return (
        select(
            turns.c.conversation.label("id"),
            func.count().label("turns"),
            func.max(turns.c.at).label("newest"),
        )
        .where(turns.c.subject == number)
        .group_by(turns.c.conversation)
        .having(func.count(turns.c.parent) > 0)
        .subquery()
    )


def _conversation(connection: Connection, number: int | None, row: Found) -> Conversation:
    mine = select(*_KNOWN).where(turns.c.subject == number, turns.c.conversation == row["id"])
    places: builtins.list[Found] = [
        connection.execute(mine.order_by(*order).limit(1)).mappings().one()
        for order in (
            (turns.c.at, turns.c.image),
            (turns.c.at.desc(), turns.c.image.desc()),
        )
    ]
    first, last = places
    return Conversation(
        id=row["id"], prompt=first["prompt"], turns=row["turns"], image=last["image"], at=last["at"]
    )
