"""The shape and count of audit lines, and the seals over them."""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("audit", sa.Column("shape", sa.Text()))
    op.add_column("audit", sa.Column("count", sa.BigInteger()))
    op.create_table(
        "seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("holes", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
    )
    _append_only()


def _append_only() -> None:
    dialect = op.get_bind().dialect.name
    text = (
        files("imagewright.adapters.sql")
        .joinpath("migrations", "versions", f"0004_append_only.{dialect}.sql")
        .read_text("utf-8")
    )
    for statement in text.split("\n\n"):
        op.execute(sa.text(statement))
