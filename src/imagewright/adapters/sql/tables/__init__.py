"""The tables, one definition for SQLite and PostgreSQL.

Money is whole nano-dollars, times are UTC microseconds. A subject's name stands in `subjects`
alone; every other table points at its number. JSON is kept as text: nothing searches in it.
"""

from imagewright.adapters.sql.tables.columns import metadata, subjects
from imagewright.adapters.sql.tables.identity import (
    IN_FORCE,
    revocations,
    sealed,
    sessions,
    token_use,
)
from imagewright.adapters.sql.tables.library import images, lineage, tags, turns
from imagewright.adapters.sql.tables.money import (
    ASIDE,
    CARRIED_OUT,
    JOINED,
    QUEUED,
    RUNNING,
    batches,
    budgets,
    jobs,
    ledger,
    quotes,
    reconciliations,
)
from imagewright.adapters.sql.tables.trail import audit, seals

__all__ = [
    "ASIDE",
    "CARRIED_OUT",
    "IN_FORCE",
    "JOINED",
    "QUEUED",
    "RUNNING",
    "audit",
    "batches",
    "budgets",
    "images",
    "jobs",
    "ledger",
    "lineage",
    "metadata",
    "quotes",
    "reconciliations",
    "revocations",
    "sealed",
    "seals",
    "sessions",
    "subjects",
    "tags",
    "token_use",
    "turns",
]
