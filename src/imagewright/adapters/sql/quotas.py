"""What a subject has made and keeps, held against its limits where something is entered.

Whoever asks here has enrolled the subject, which lets one transaction of a subject in at a time.
"""

from sqlalchemy import Connection, bindparam, case, func, or_, select

from imagewright.adapters.sql.subjects import number_of
from imagewright.adapters.sql.tables import CARRIED_OUT, QUEUED, RUNNING, images, jobs
from imagewright.core.errors import QuotaExceeded, StorageQuota
from imagewright.core.job import State
from imagewright.core.limit import Bound
from imagewright.ports.books import Quota, Tally

_ENDED = [each.value for each in (State.SUCCEEDED, State.FAILED, State.CANCELED)]
_OURS = jobs.c.subject == bindparam("whose")
_MADE = select(
    func.coalesce(func.sum(case((jobs.c.state.in_(_ENDED), jobs.c.made), else_=jobs.c.count)), 0)
).where(_OURS, jobs.c.created_at >= bindparam("since"))
"""Images of the jobs of a day: those made, or all of a job that may still make them."""
_BYTES = select(func.coalesce(func.sum(images.c.bytes), 0)).where(
    images.c.subject == bindparam("whose")
)
_AWAITED = select(func.coalesce(func.sum(jobs.c.count), 0)).where(_OURS, or_(QUEUED, RUNNING))
_RUNS = select(func.count()).select_from(jobs).where(_OURS, CARRIED_OUT)
# One statement: a job that ends meanwhile is counted as awaited or as kept, and not as neither.
_ROOM = select(_BYTES.scalar_subquery(), _AWAITED.scalar_subquery())
_ALL = select(
    _MADE.scalar_subquery(),
    _BYTES.scalar_subquery(),
    _AWAITED.scalar_subquery(),
    _RUNS.scalar_subquery(),
)


def check_quota(connection: Connection, quota: Quota, number: int, count: int) -> None:
    """Raise QuotaExceeded or StorageQuota where so many more images have no room."""
    if quota.images is not None:
        made = int(connection.execute(_MADE, {"whose": number, "since": quota.since}).scalar_one())
        if made + count > quota.images.most:
            raise _too_many(quota.images, made, count)
    if quota.storage is not None:
        stored, awaited = connection.execute(_ROOM, {"whose": number}).one()
        # How large a picture will be nobody knows: each that is to come takes the room of the
        # largest, but for the last, which may be the one that goes over.
        reserved = (int(awaited) + count - 1) * quota.picture
        if stored + reserved >= quota.storage.most:
            raise _no_room(quota.storage, int(stored), reserved)


def check_import(connection: Connection, quota: Quota, number: int, size: int) -> None:
    """Raise StorageQuota where a picture of this size has no room."""
    if quota.storage is None:
        return
    stored, awaited = connection.execute(_ROOM, {"whose": number}).one()
    reserved = max(0, int(awaited) - 1) * quota.picture
    if stored + reserved + size > quota.storage.most:
        raise _no_room(quota.storage, int(stored), reserved)


def tally(connection: Connection, subject: str, since: int) -> Tally:
    """What a subject has made since then, keeps, awaits and runs."""
    number = number_of(connection, subject)
    made, stored, awaited, running = connection.execute(
        _ALL, {"whose": number, "since": since}
    ).one()
    return Tally(made=int(made), stored=int(stored), awaited=int(awaited), running=int(running))


def _too_many(bound: Bound, made: int, count: int) -> QuotaExceeded:
    left = max(0, bound.most - made)
    return QuotaExceeded(
        f"{count} more would pass {bound.most} images a day, the limit for {bound.whose}: "
        f"{made} are made or under way, {left} are left.",
        hint=f"Ask for {left} or fewer, or wait for the next day." if left else "",
        details={**bound.details, "used": made, "left": left},
    )


def _no_room(bound: Bound, stored: int, reserved: int) -> StorageQuota:
    left = max(0, bound.most - stored)
    sentence = (
        f"There is no room for this: {bound.amount(stored)} of {bound} are used, the limit for "
        f"{bound.whose}, and {bound.amount(left)} are left"
    )
    under_way = f", of which {bound.amount(reserved)} are kept for images to come" * bool(reserved)
    return StorageQuota(
        f"{sentence}{under_way}.",
        hint="Delete images, ask for fewer, or wait for the jobs that you have.",
        details={**bound.details, "used": stored, "left": left, "reserved": reserved},
    )
