"""A subject's images, in SQL."""

import builtins
from collections.abc import Sequence
from functools import partial

from sqlalchemy import (
    ColumnElement,
    Connection,
    exists,
    func,
    select,
    tuple_,
)

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.pictures import enter_images, remove_images, with_parents
from imagewright.adapters.sql.quotas import check_import
from imagewright.adapters.sql.rows import Found, folded
from imagewright.adapters.sql.subjects import enrol, number_of
from imagewright.adapters.sql.tables import images, lineage, subjects, tags
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.caller import Caller
from imagewright.core.errors import NotFound
from imagewright.core.image import Image
from imagewright.ports.books import Origin as Whence
from imagewright.ports.books import Quota
from imagewright.ports.library import NO_QUOTA, Page, Search

_NEWEST_FIRST = (images.c.created_at.desc(), images.c.id.desc())


class SqlLibrary:
    """`ports.library.Library`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, subject: str, image: str) -> Image:
        return await self._database.read(partial(_get, subject=subject, image=image))

    async def of_job(self, subject: str, job: str) -> tuple[Image, ...]:
        return await self._database.read(partial(_of_job, subject=subject, job=job))

    async def of_jobs(self, subject: str, jobs: Sequence[str]) -> tuple[Image, ...]:
        return await self._database.read(partial(_of_jobs, subject=subject, jobs=jobs))

    async def of_hash(self, subject: str, sha256: str) -> Image | None:
        return await self._database.read(partial(_of_hash, subject=subject, sha256=sha256))

    async def list(self, subject: str, search: Search) -> Page:
        return await self._database.read(partial(_list, subject=subject, search=search))

    async def owner(self, image: str) -> str | None:
        return await self._database.read(partial(_owner, image=image))

    async def add(
        self, caller: Caller, image: Image, whence: Whence, quota: Quota = NO_QUOTA
    ) -> None:
        def work(connection: Connection) -> None:
            number = enrol(connection, caller.subject)
            check_import(connection, quota, number, image.picture.bytes)
            enter_images(connection, number, (image,))
            deed = Deed(
                subject=number,
                credential=caller.credential.id,
                action="import",
                thing=image.id,
                outcome="entered",
            )
            record(connection, deed, image.created_at, whence)

        await self._database.write(work)

    async def delete(
        self, caller: Caller, image: str, whence: Whence, now: int, *, derived: bool
    ) -> tuple[Image, ...]:
        def work(connection: Connection) -> tuple[Image, ...]:
            removed = _delete(connection, caller.subject, image, derived=derived)
            deed = Deed(
                subject=enrol(connection, caller.subject),
                credential=caller.credential.id,
                action="delete",
                thing=image,
                outcome="deleted",
                count=len(removed),
            )
            record(connection, deed, now, whence)
            return removed

        return await self._database.write(work)


def _owner(connection: Connection, image: str) -> str | None:
    query = select(subjects.c.name).join(images, images.c.subject == subjects.c.number)
    name: str | None = connection.execute(query.where(images.c.id == image)).scalar_one_or_none()
    return name


def _own(connection: Connection, subject: str, image: str) -> Found:
    number = number_of(connection, subject)
    row = (
        connection.execute(select(images).where(images.c.id == image, images.c.subject == number))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("There is no such image.")
    return row


def _get(connection: Connection, subject: str, image: str) -> Image:
    return with_parents(connection, [_own(connection, subject, image)])[0]


def _of_job(connection: Connection, subject: str, job: str) -> tuple[Image, ...]:
    return _of_jobs(connection, subject, [job])


def _of_jobs(connection: Connection, subject: str, jobs: Sequence[str]) -> tuple[Image, ...]:
    number = number_of(connection, subject)
    query = select(images).where(images.c.job.in_(jobs), images.c.subject == number)
    query = query.order_by(images.c.job, images.c["index"])
    return with_parents(connection, connection.execute(query).mappings())


def _of_hash(connection: Connection, subject: str, sha256: str) -> Image | None:
    number = number_of(connection, subject)
    query = select(images).where(images.c.subject == number, images.c.sha256 == sha256)
    rows = connection.execute(query.order_by(*_NEWEST_FIRST).limit(1)).mappings()
    return next(iter(with_parents(connection, rows)), None)


def _conditions(search: Search) -> builtins.list[ColumnElement[bool]]:
    equal = {"provider": search.provider, "model": search.model, "origin": search.origin}
    found = [images.c[name] == value for name, value in equal.items() if value is not None]
    if search.text:
        found.append(images.c.words.contains(folded(search.text), autoescape=True))
    if search.tag is not None:
        found.append(exists().where(tags.c.image == images.c.id, tags.c.tag == search.tag))
    if search.since is not None:
        found.append(images.c.created_at >= search.since)
    if search.until is not None:
        found.append(images.c.created_at < search.until)
    return found


def _list(connection: Connection, subject: str, search: Search) -> Page:
    matching = [images.c.subject == number_of(connection, subject), *_conditions(search)]
    query = select(images).where(*matching)
    if search.before is not None:
        last = _own(connection, subject, search.before)
        query = query.where(
            tuple_(images.c.created_at, images.c.id) < (last["created_at"], last["id"])
        )
    rows = (
        connection.execute(query.order_by(*_NEWEST_FIRST).limit(search.limit + 1)).mappings().all()
    )
    total = connection.execute(
        select(func.count()).select_from(images).where(*matching)
    ).scalar_one()
    return Page(
        images=with_parents(connection, rows[: search.limit]),
        total=total,
        more=len(rows) > search.limit,
    )


def _delete(
    connection: Connection, subject: str, image: str, *, derived: bool
) -> tuple[Image, ...]:
    row = _own(connection, subject, image)
    rows = [row, *(_derived(connection, row) if derived else ())]
    removed = with_parents(connection, rows)
    remove_images(connection, [each.id for each in removed])
    return removed


def _derived(connection: Connection, row: Found) -> builtins.list[Found]:
    """Everything of the same subject made from an image, or from what was."""
    made = (
        select(lineage.c.image)
        .join(images, images.c.id == lineage.c.image)
        .where(images.c.subject == row["subject"])
    )
    below = made.where(lineage.c.parent == row["id"]).cte("below", recursive=True)
    below = below.union(made.join(below, lineage.c.parent == below.c.image))
    return list(
        connection.execute(
            select(images)
            .where(images.c.id.in_(select(below.c.image)), images.c.id != row["id"])
            .order_by(*_NEWEST_FIRST)
        ).mappings()
    )
