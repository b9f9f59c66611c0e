"""Who signed in, what was taken back, and what only the service can read."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, Text

from imagewright.adapters.sql.tables.columns import SERIAL, metadata, subject_column

revocations = Table(
    "revocations",
    metadata,
    Column("id", SERIAL, primary_key=True),
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

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    subject_column(),
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
