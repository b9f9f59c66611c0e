"""Groups of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("group", sa.Text(), nullable=True))
    op.drop_index("ix_jobs_queued", "jobs")
    queued = sa.text("state = 'queued'")
    op.create_index(
        "ix_jobs_queued",
        "jobs",
        ["subject", "created_at", "id", "state", "group"],
        sqlite_where=queued,
        postgresql_where=queued,
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_batches_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_same", "batches", ["subject", "digest", "created_at"])
