"""Quotes: offered, found again, and used up once."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, select, update

from imagewright.adapters.sql.revocations import check
from imagewright.adapters.sql.rows import Values, quote_of, quote_values
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
    .values(closed_at=bindparam("now"), job=bindparam("into"), told=None)
)
_USE_APPROVED = _USE.where(quotes.c.approved_at.is_not(None))
_APPROVED = (
    select(quotes.c.id)
    .where(
        quotes.c.subject == bindparam("whose"),
        quotes.c.closed_at.is_(None),
        quotes.c.approved_at.is_not(None),
        quotes.c.expires_at > bindparam("now"),
        quotes.c.digest == bindparam("plan"),
        quotes.c.ceiling >= bindparam("least"),
    )
    .order_by(quotes.c.ceiling, quotes.c.created_at, quotes.c.id)
    .limit(1)
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
    _end_old(connection, number, still_open, now)
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


def _end_old(
    connection: Connection, number: int, still_open: ColumnElement[bool], now: int
) -> None:
    """End what is too much, and what has expired: what it told is wanted no more."""
    ended = {"closed_at": now, "told": None}
    own = (quotes.c.subject == number) & quotes.c.closed_at.is_(None)
    connection.execute(update(quotes).where(own, quotes.c.expires_at <= now).values(ended))
    newest_first = (quotes.c.created_at.desc(), quotes.c.id.desc())
    surplus = select(quotes.c.id).where(still_open).order_by(*newest_first).offset(MOST_OPEN - 1)
    connection.execute(update(quotes).where(quotes.c.id.in_(surplus)).values(ended))


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a quote is used up for, a job or a group, and when; `given` is None for an approved one.

    An approved one is found by what it is for.
    """

    job: str
    now: int
    given: str | None


def use_up(connection: Connection, quote: Quote, subject: int, use: Use) -> str:
    """Use up the subject's open quote of this digest and at least this ceiling; its id.

    Raises ConfirmationInvalid, whatever is wrong.
    """
    values: Values = {
        "whose": subject,
        "now": use.now,
        "plan": quote.digest,
        "least": quote.ceiling,
    }
    found = use.given or connection.scalar(_APPROVED, values)
    statement = _USE if use.given else _USE_APPROVED
    values |= {"quote": found, "into": use.job}
    if found is None or connection.execute(statement, values).rowcount != 1:
        raise ConfirmationInvalid(
            "There is no open quote of yours with this id for exactly this ask.",
            hint="Ask again without it for a new quote.",
        )
    return found
