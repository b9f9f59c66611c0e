"""What says that a settled cost is corrected, and the soft limit that was told of."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("reference", sa.Text(), nullable=True))
    op.add_column("budgets", sa.Column("told", sa.BigInteger(), nullable=True))
    named = sa.text("reference IS NOT NULL")
    op.create_index(
        "ix_ledger_once",
        "ledger",
        ["job", "reference"],
        unique=True,
        sqlite_where=named,
        postgresql_where=named,
    )
