"""The audit, and what seals it."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from imagewright.adapters.sql.tables.columns import SERIAL, metadata, subject_column

audit = Table(
    "audit",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("at", BigInteger, nullable=False),
    subject_column(),
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
