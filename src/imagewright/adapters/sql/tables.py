"""The tables, one definition for SQLite and PostgreSQL.

Money is whole nano-dollars, times are UTC microseconds. A subject's name stands in `subjects`
alone; every other table points at its number. JSON is kept as text: nothing searches in it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    literal_column,
)

from imagewright.core.job import JOINABLE, State

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column that is called INTEGER."""


def _subject() -> Column[int]:
    return Column("subject", _SERIAL, ForeignKey("subjects.number"), nullable=False)


subjects = Table(
    "subjects",
    metadata,
    Column("number", _SERIAL, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

quotes = Table(
    "quotes",
    metadata,
    Column("id", Text, primary_key=True),
    _subject(),
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
)
"""Open while `closed_at` is null and `expires_at` is to come; `job` is what it was used for."""

Index(
    "ix_quotes_open",
    quotes.c.subject,
    quotes.c.created_at,
    sqlite_where=quotes.c.closed_at.is_(None),
    postgresql_where=quotes.c.closed_at.is_(None),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    _subject(),
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
    _subject(),
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
    Column("id", _SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    _subject(),
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

audit = Table(
    "audit",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    _subject(),
    Column("credential", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("thing", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("request", Text),
    Column("address", Text),
    Column("client", Text),
    Column("job", Text),
    Column("amount", BigInteger),
    Column("shape", Text),
    Column("count", BigInteger),
    sqlite_autoincrement=True,
)
"""Append-only; the text of a prompt only where the operator says so."""

Index("ix_audit_newest", audit.c.subject, audit.c.at)

seals = Table(
    "seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("ids", Text, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("holes", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("mac", Text, nullable=False),
)
"""Append-only. Of two processes that make the same number one is refused."""

revocations = Table(
    "revocations",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("what", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_by", Text),
    sqlite_autoincrement=True,
)

IN_FORCE = revocations.c.lifted_at.is_(None)

Index(
    "ix_revocations_in_force",
    revocations.c.what,
    revocations.c.key,
    unique=True,
    sqlite_where=IN_FORCE,
    postgresql_where=IN_FORCE,
)

images = Table(
    "images",
    metadata,
    Column("id", Text, primary_key=True),
    _subject(),
    Column("job", Text, ForeignKey("jobs.id")),
    Column("index", Integer, nullable=False),
    Column("origin", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("alpha", Boolean, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("revised_prompt", Text),
    Column("seed", BigInteger),
    Column("asked_size", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""`words` is what a search looks in, case folded: SQLite's lower() knows ASCII only."""

Index("ix_images_newest", images.c.subject, images.c.created_at, images.c.id)
Index("ix_images_sha256", images.c.subject, images.c.sha256)
Index("ix_images_job", images.c.job)

tags = Table(
    "tags",
    metadata,
    Column("image", Text, ForeignKey("images.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
)

lineage = Table(
    "lineage",
    metadata,
    Column("image", Text, ForeignKey("images.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("parent", Text, nullable=False),
)
"""`parent` may be gone: what came from it still says so."""

Index("ix_lineage_parent", lineage.c.parent)

turns = Table(
    "turns",
    metadata,
    Column("image", Text, ForeignKey("images.id"), primary_key=True),
    _subject(),
    Column("conversation", Text, nullable=False),
    Column("parent", Text),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("continuation", Text),
    Column("at", BigInteger, nullable=False),
)
"""`parent` may be gone. `continuation` is for the provider's adapter alone."""

Index("ix_turns_conversation", turns.c.subject, turns.c.conversation, turns.c.at)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    _subject(),
    Column("groups", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("scopes", Text),
    Column("name", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("approves", Boolean, nullable=False),
    Column("proof", Text, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
)
"""Sign-ins to the pages; `id` is the SHA-256 of what the browser holds."""

Index("ix_sessions_ends_at", sessions.c.ends_at)
Index("ix_sessions_newest", sessions.c.subject, sessions.c.began_at)

token_use = Table(
    "token_use",
    metadata,
    Column("credential", Text, primary_key=True),
    Column("mark", Text, primary_key=True),
    Column("used_at", BigInteger, nullable=False),
)
"""`mark` tells the two tokens of a rotated entry apart."""

sealed = Table(
    "sealed",
    metadata,
    Column("collection", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("expires_at", BigInteger),
)
"""Values that only the service can read; what has expired may stand here a while."""

Index("ix_sealed_expired", sealed.c.expires_at)
