"""Turns of conversations."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "turns",
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("continuation", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["image"], ["images.id"], name=op.f("fk_turns_image")),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_turns_subject")),
        sa.PrimaryKeyConstraint("image", name=op.f("pk_turns")),
    )
    op.create_index("ix_turns_conversation", "turns", ["subject", "conversation", "at"])
