"""Quotes, jobs and the money that they hold and cost."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    and_,
    literal_column,
)

from imagewright.adapters.sql.tables.columns import SERIAL, metadata, subject_column
from imagewright.core.job import JOINABLE, State

quotes = Table(
    "quotes",
    metadata,
    Column("id", Text, primary_key=True),
    subject_column(),
    Column("digest", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("size", Text, nullable=False),
    Column("ceiling", BigInteger, nullable=False),
    Column("estimate", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("job", Text),
    Column("approved_at", BigInteger),
    Column("told", Text),
    Column("link", Text),
)
"""Open while `closed_at` is null and `expires_at` is to come; `job` is what it was used for.

`told` is JSON of what the question tells beside these columns, gone once it is closed. `link` is
the SHA-256 of what a one-time link holds.
"""

Index(
    "ix_quotes_open",
    quotes.c.subject,
    quotes.c.created_at,
    sqlite_where=quotes.c.closed_at.is_(None),
    postgresql_where=quotes.c.closed_at.is_(None),
)

Index(
    "ix_quotes_link",
    quotes.c.link,
    unique=True,
    sqlite_where=quotes.c.link.is_not(None),
    postgresql_where=quotes.c.link.is_not(None),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    subject_column(),
    Column("groups", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("scopes", Text),
    Column("state", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("quote", Text, nullable=False),
    Column("consent", Text, nullable=False),
    Column("ceiling", BigInteger, nullable=False),
    Column("actual", BigInteger),
    Column("accounts", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("stage", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("made", Integer, nullable=False),
    Column("error_code", Text),
    Column("error_sentence", Text),
    Column("outcome", Text),
    Column("group", Text),
    Column("request", Text),
    Column("due", BigInteger),
)
"""`accounts` are those that count its cost; `made` is how many images it entered.

A running job without an `owner` was put aside: its vendor is to be asked after it once it is `due`.
"""


def _written(state: State) -> ColumnElement[str]:
    """A state as a literal: a partial index serves no condition that is bound at run time."""
    return literal_column(f"'{state.value}'", Text)


JOINED = jobs.c.state.in_([_written(state) for state in sorted(JOINABLE)])
QUEUED = jobs.c.state == _written(State.QUEUED)
RUNNING = jobs.c.state == _written(State.RUNNING)
CARRIED_OUT = and_(RUNNING, jobs.c.owner.is_not(None))
ASIDE = and_(RUNNING, jobs.c.owner.is_(None))

Index(
    "ix_jobs_one_per_ask",
    jobs.c.subject,
    jobs.c.digest,
    unique=True,
    sqlite_where=JOINED,
    postgresql_where=JOINED,
)
Index("ix_jobs_ask", jobs.c.subject, jobs.c.digest, jobs.c.finished_at)
Index("ix_jobs_newest", jobs.c.subject, jobs.c.created_at, jobs.c.id)
Index(
    "ix_jobs_queued",
    jobs.c.subject,
    jobs.c.created_at,
    jobs.c.id,
    jobs.c.state,
    jobs.c["group"],
    sqlite_where=QUEUED,
    postgresql_where=QUEUED,
)
Index(
    "ix_jobs_running",
    jobs.c.subject,
    jobs.c.state,
    jobs.c.owner,
    sqlite_where=RUNNING,
    postgresql_where=RUNNING,
)
Index("ix_jobs_aside", jobs.c.due, sqlite_where=ASIDE, postgresql_where=ASIDE)
# The state is in both so that SQLite finds all of a claim in the index; the group is there for the
# places that are taken.

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    subject_column(),
    Column("digest", Text, nullable=False),
    Column("quote", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""`items` are the ids of jobs in the order of the asks."""

Index("ix_batches_same", batches.c.subject, batches.c.digest, batches.c.created_at)

budgets = Table(
    "budgets",
    metadata,
    Column("level", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("held", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("told", BigInteger),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("settled >= 0", name="settled"),
)
"""The key of the subject level is the subject's number, written out; `told` is the highest soft
limit that the operator was told of.
"""

ledger = Table(
    "ledger",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    subject_column(),
    Column("job", Text, ForeignKey("jobs.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("quote", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("disputed", BigInteger),
    Column("reference", Text),
    CheckConstraint("kind IN ('hold', 'settle', 'release', 'adjust')", name="kind"),
    sqlite_autoincrement=True,
)
"""Append-only. A job's holds less its settles and releases is what is still held.

What it has cost is its settles and adjusts; `reference` is what an adjust was entered by.
"""

Index("ix_ledger_job", ledger.c.job)
Index(
    "ix_ledger_once",
    ledger.c.job,
    ledger.c.reference,
    unique=True,
    sqlite_where=ledger.c.reference.is_not(None),
    postgresql_where=ledger.c.reference.is_not(None),
)
Index("ix_ledger_newest", ledger.c.subject, ledger.c.at)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("first", Text, nullable=False),
    Column("last", Text, nullable=False),
    Column("billed", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
)
"""The last of each provider; its days are ISO dates."""
