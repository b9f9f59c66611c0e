"""Approvals of quotes."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("quotes", sa.Column("approved_at", sa.BigInteger(), nullable=True))
    op.add_column("quotes", sa.Column("told", sa.Text(), nullable=True))
    op.add_column("quotes", sa.Column("link", sa.Text(), nullable=True))
    there = sa.text("link IS NOT NULL")
    op.create_index(
        "ix_quotes_link",
        "quotes",
        ["link"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )
