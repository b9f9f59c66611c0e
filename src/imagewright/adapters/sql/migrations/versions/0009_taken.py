"""Orders that a vendor has taken, and jobs that are put aside meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("request", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("due", sa.BigInteger(), nullable=True))
    op.drop_index("ix_jobs_running", "jobs")
    running, aside = sa.text("state = 'running'"), sa.text("state = 'running' AND owner IS NULL")
    op.create_index(
        "ix_jobs_running",
        "jobs",
        ["subject", "state", "owner"],
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_index("ix_jobs_aside", "jobs", ["due"], sqlite_where=aside, postgresql_where=aside)
