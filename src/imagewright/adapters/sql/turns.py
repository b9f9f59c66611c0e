"""Rows of turns: entered with the images they are of, and gone with them."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from imagewright.adapters.sql.rows import Found, Values, storable
from imagewright.adapters.sql.tables import images, turns
from imagewright.adapters.sql.upsert import insert_missing
from imagewright.core.conversation import Turn

_BEGINNING = select(
    images.c.id, images.c.provider, images.c.model, images.c.prompt, images.c.created_at
).where(images.c.id == bindparam("image"), images.c.subject == bindparam("whose"))


def enter_turns(connection: Connection, subject: int, entered: Iterable[Turn]) -> None:
    """Enter turns of a subject, and the one that a conversation begins with if it has none."""
    for turn in entered:
        if turn.parent is not None:
            _enter_parent(connection, subject, turn.parent, turn.conversation)
        insert_missing(connection, turns, _values(turn, subject))


def _enter_parent(connection: Connection, subject: int, image: str, conversation: str) -> None:
    found = connection.execute(_BEGINNING, {"image": image, "whose": subject}).mappings()
    row = found.one_or_none()
    if row is not None:
        insert_missing(connection, turns, _first(row, subject, conversation))


def _first(row: Found, subject: int, conversation: str) -> Values:
    return {
        "image": row["id"],
        "subject": subject,
        "conversation": conversation,
        "parent": None,
        "provider": row["provider"],
        "model": row["model"],
        "prompt": row["prompt"],
        "continuation": None,
        "at": row["created_at"],
    }


def _values(turn: Turn, subject: int) -> Values:
    return {
        "image": turn.image,
        "subject": subject,
        "conversation": turn.conversation,
        "parent": turn.parent,
        "provider": turn.provider,
        "model": turn.model,
        "prompt": storable(turn.prompt),
        "continuation": storable(turn.continuation),
        "at": turn.at,
    }
