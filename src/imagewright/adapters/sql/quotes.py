"""Quotes: offered, found again, and used up once."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, select, update

from imagewright.adapters.sql.revocations import check
from imagewright.adapters.sql.rows import quote_of, quote_values
from imagewright.adapters.sql.subjects import enrol
from imagewright.adapters.sql.tables import quotes
from imagewright.adapters.sql.trail import Deed, record
from imagewright.core.caller import Caller
from imagewright.core.errors import ConfirmationInvalid
from imagewright.core.quote import Quote
from imagewright.ports.books import Origin

MOST_OPEN = 8
_STILL_GOOD = 60_000_000
"""A quote that is found again leaves its reader a minute to answer."""

_USE = (
    update(quotes)
    .where(
        quotes.c.id == bindparam("quote"),
        quotes.c.subject == bindparam("whose"),
        quotes.c.closed_at.is_(None),
        quotes.c.expires_at > bindparam("now"),
        quotes.c.digest == bindparam("plan"),
        quotes.c.ceiling >= bindparam("least"),
    )
    .values(closed_at=bindparam("now"), job=bindparam("into"))
)


def offer(connection: Connection, caller: Caller, quote: Quote, origin: Origin, now: int) -> Quote:
    """Record a quote, or find the open one for the same plan and ceiling. Raises Forbidden."""
    check(connection, caller, quote.provider, paid=True)
    number = enrol(connection, caller.subject)
    still_open = and_(
        quotes.c.subject == number, quotes.c.closed_at.is_(None), quotes.c.expires_at > now
    )
    found = (
        connection.execute(
            select(quotes)
            .where(
                still_open,
                quotes.c.digest == quote.digest,
                quotes.c.ceiling == quote.ceiling,
                quotes.c.expires_at > now + _STILL_GOOD,
            )
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    if found is not None:
        return quote_of(found)
    _end_oldest(connection, still_open, now)
    values = {**quote_values(quote), "subject": number, "created_at": now}
    connection.execute(insert(quotes), values)
    deed = Deed(
        subject=number,
        credential=caller.credential.id,
        action="quote",
        thing=quote.id,
        outcome="offered",
        amount=quote.ceiling,
    )
    record(connection, deed, now, origin)
    return quote


def _end_oldest(connection: Connection, still_open: ColumnElement[bool], now: int) -> None:
    newest_first = (quotes.c.created_at.desc(), quotes.c.id.desc())
    surplus = select(quotes.c.id).where(still_open).order_by(*newest_first).offset(MOST_OPEN - 1)
    connection.execute(update(quotes).where(quotes.c.id.in_(surplus)).values(closed_at=now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a quote is used up for, a job or a group, and when."""

    job: str
    now: int


def use_up(connection: Connection, quote: Quote, subject: int, use: Use) -> None:
    """Use up the open quote of this id, digest and at least this ceiling.

    Raises ConfirmationInvalid, whatever is wrong.
    """
    values = {
        "quote": quote.id,
        "whose": subject,
        "now": use.now,
        "plan": quote.digest,
        "least": quote.ceiling,
        "into": use.job,
    }
    if connection.execute(_USE, values).rowcount != 1:
        raise ConfirmationInvalid(
            "There is no open quote of yours with this id for exactly this ask.",
            hint="Ask again without it for a new quote.",
        )
