"""The open quote of an ask, for whoever wants to know it without asking."""

from sqlalchemy import Connection, select

from imagewright.adapters.sql.subjects import number_of
from imagewright.adapters.sql.tables import quotes
from imagewright.core.quote import Quote


def offered(connection: Connection, subject: str, quote: Quote, now: int) -> str | None:
    """The id of the subject's newest open quote for the same plan and ceiling."""
    query = (
        select(quotes.c.id)
        .where(
            quotes.c.subject == number_of(connection, subject),
            quotes.c.closed_at.is_(None),
            quotes.c.expires_at > now,
            quotes.c.digest == quote.digest,
            quotes.c.ceiling == quote.ceiling,
        )
        .order_by(quotes.c.created_at.desc(), quotes.c.id.desc())
        .limit(1)
    )
    found: str | None = connection.scalar(query)
    return found
