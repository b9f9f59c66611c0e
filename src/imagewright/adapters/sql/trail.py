"""Lines of the audit, entered inside the transaction of what they tell of."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert

from imagewright.adapters.sql.rows import Values
from imagewright.adapters.sql.tables import audit
from imagewright.ports.books import Origin

_ENTRY = insert(audit).inline()  # nobody asks for the number that it gets


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One row of the audit but for the time and the request."""

    subject: int
    credential: str
    action: str
    thing: str
    outcome: str
    reason: str | None = None
    job: str | None = None
    amount: int | None = None
    shape: str | None = None
    count: int | None = None


def record(connection: Connection, deed: Deed, at: int, origin: Origin | None = None) -> None:
    """Enter a deed; those of a worker have no request."""
    enter_line(connection, line_of(deed, at, origin))


def enter_line(connection: Connection, line: Values) -> None:
    """Enter a line as it is to stand."""
    connection.execute(_ENTRY, line)


def line_of(deed: Deed, at: int, origin: Origin | None) -> Values:
    """The audit's columns."""
    return {
        "at": at,
        "subject": deed.subject,
        "credential": deed.credential,
        "action": deed.action,
        "thing": deed.thing,
        "outcome": deed.outcome,
        "reason": deed.reason,
        "request": origin and origin.request,
        "address": origin and origin.address,
        "client": origin and origin.client,
        "job": deed.job,
        "amount": deed.amount,
        "shape": deed.shape,
        "count": deed.count,
    }
