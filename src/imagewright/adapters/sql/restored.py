"""Books that were restored: what may have happened since they were copied."""

from sqlalchemy import Connection, func, or_, select, update

from imagewright.adapters.sql.tables import CARRIED_OUT, QUEUED, jobs
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.errors import OutcomeUnknown
from imagewright.core.job import State

_OPEN = or_(QUEUED, CARRIED_OUT)


def disown(connection: Connection, now: int) -> int:
    """End paid jobs that may have been sent to a provider since; how many there were.

    Their holds stay, as of every outcome that nobody knows. What costs nothing goes on, and so
    does an order that a vendor had taken: it is asked for again, not sent again. Both go on at the
    next start: whoever had them is not there any more.
    """
    query = select(jobs).where(_OPEN, jobs.c.ceiling > 0, jobs.c.request.is_(None))
    rows = connection.execute(query.order_by(jobs.c.created_at)).mappings().all()
    ended = {
        "state": State.OUTCOME_UNKNOWN.value,
        "started_at": func.coalesce(jobs.c.started_at, now),
        "finished_at": now,
        "owner": None,
        "lease_until": None,
        "error_code": OutcomeUnknown.code,
        "error_sentence": "The service was restored from a backup that was made before this ended.",
    }
    connection.execute(
        update(jobs).where(jobs.c.id.in_([row["id"] for row in rows])).values(**ended)
    )
    for row in rows:
        deed = Deed(
            subject=row["subject"],
            credential=row["credential"],
            action="recover",
            thing=f"{row['provider']}/{row['model']}",
            outcome=State.OUTCOME_UNKNOWN.value,
            job=row["id"],
        )
        record(connection, deed, now)
    connection.execute(update(jobs).where(CARRIED_OUT).values(lease_until=now))
    return len(rows)
