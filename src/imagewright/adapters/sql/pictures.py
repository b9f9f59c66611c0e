"""Rows of images, with their tags and lineage."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from imagewright.adapters.sql.rows import Found, image_of, image_values
from imagewright.adapters.sql.tables import images, lineage, tags, turns
from imagewright.core.image import Image, Parent, Role


def enter_images(connection: Connection, subject: int, entered: tuple[Image, ...]) -> None:
    """Enter images of a subject."""
    if not entered:
        return
    connection.execute(insert(images), [image_values(image, subject) for image in entered])
    tagged = [
        {"image": image.id, "tag": tag} for image in entered for tag in dict.fromkeys(image.tags)
    ]
    if tagged:
        connection.execute(insert(tags), tagged)
    steps = [
        {
            "image": image.id,
            "role": parent.role.value,
            "position": parent.position,
            "parent": parent.image,
        }
        for image in entered
        for parent in image.parents
    ]
    if steps:
        connection.execute(insert(lineage), steps)


def with_parents(connection: Connection, rows: Iterable[Found]) -> tuple[Image, ...]:
    """The images that rows are, in their order."""
    found = list(rows)
    parents: dict[str, list[Parent]] = {row["id"]: [] for row in found}
    if found:
        steps = connection.execute(
            select(lineage)
            .where(lineage.c.image.in_(parents))
            .order_by(lineage.c.role.desc(), lineage.c.position)
        )
        for step in steps:
            parents[step.image].append(
                Parent(image=step.parent, role=Role(step.role), position=step.position)
            )
    return tuple(image_of(row, tuple(parents[row["id"]])) for row in found)


def remove_images(connection: Connection, removed: Iterable[str]) -> None:
    """Remove images with their tags, turns and own lineage; what came from them keeps its own."""
    ids = list(removed)
    connection.execute(delete(turns).where(turns.c.image.in_(ids)))
    connection.execute(delete(tags).where(tags.c.image.in_(ids)))
    connection.execute(delete(lineage).where(lineage.c.image.in_(ids)))
    connection.execute(delete(images).where(images.c.id.in_(ids)))
