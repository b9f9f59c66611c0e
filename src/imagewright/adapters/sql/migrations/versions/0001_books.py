"""Subjects, quotes, jobs, budgets, ledger, audit, images."""

from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _subjects()
    _quotes()
    _jobs()
    _jobs_indexes()
    _budgets()
    _ledger()
    _audit()
    _images()
    _tags()
    _lineage()
    _append_only()


def _append_only() -> None:
    dialect = op.get_bind().dialect.name
    text = (
        files("imagewright.adapters.sql")
        .joinpath("migrations", "versions", f"0001_append_only.{dialect}.sql")
        .read_text("utf-8")
    )
    for statement in text.split("\n\n"):
        op.execute(sa.text(statement))


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _subjects() -> None:
    op.create_table(
        "subjects",
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_subjects")),
        sa.UniqueConstraint("name", name=op.f("uq_subjects_name")),
        sqlite_autoincrement=True,
    )


def _quotes() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("ceiling", sa.BigInteger(), nullable=False),
        sa.Column("estimate", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("job", sa.Text()),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_quotes_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
    )
    op.create_index(
        "ix_quotes_open", "quotes", ["subject", "created_at"], **_where("closed_at IS NULL")
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("ceiling", sa.BigInteger(), nullable=False),
        sa.Column("actual", sa.BigInteger()),
        sa.Column("accounts", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_sentence", sa.Text()),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_jobs_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )


def _jobs_indexes() -> None:
    op.create_index("ix_jobs_ask", "jobs", ["subject", "digest", "finished_at"])
    op.create_index("ix_jobs_newest", "jobs", ["subject", "created_at", "id"])
    op.create_index(
        "ix_jobs_one_per_ask",
        "jobs",
        ["subject", "digest"],
        unique=True,
        **_where("state IN ('outcome_unknown', 'queued', 'running')"),
    )
    op.create_index(
        "ix_jobs_queued",
        "jobs",
        ["subject", "created_at", "id", "state"],
        **_where("state = 'queued'"),
    )
    op.create_index("ix_jobs_running", "jobs", ["subject", "state"], **_where("state = 'running'"))


def _budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_budgets_held")),
        sa.CheckConstraint("settled >= 0", name=op.f("ck_budgets_settled")),
        sa.PrimaryKeyConstraint("level", "key", "period", name=op.f("pk_budgets")),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("disputed", sa.BigInteger()),
        sa.CheckConstraint(
            "kind IN ('hold', 'settle', 'release', 'adjust')", name=op.f("ck_ledger_kind")
        ),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_ledger_job")),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_ledger_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_job", "ledger", ["job"])
    op.create_index("ix_ledger_newest", "ledger", ["subject", "at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("thing", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("request", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("client", sa.Text()),
        sa.Column("job", sa.Text()),
        sa.Column("amount", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_audit_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_newest", "audit", ["subject", "at"])


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", _SERIAL, nullable=False),
        sa.Column("job", sa.Text()),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("alpha", sa.Boolean(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("revised_prompt", sa.Text()),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("asked_size", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_images_job")),
        sa.ForeignKeyConstraint(["subject"], ["subjects.number"], name=op.f("fk_images_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
    )
    op.create_index("ix_images_job", "images", ["job"])
    op.create_index("ix_images_newest", "images", ["subject", "created_at", "id"])
    op.create_index("ix_images_sha256", "images", ["subject", "sha256"])


def _tags() -> None:
    op.create_table(
        "tags",
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["image"], ["images.id"], name=op.f("fk_tags_image")),
        sa.PrimaryKeyConstraint("image", "tag", name=op.f("pk_tags")),
    )


def _lineage() -> None:
    op.create_table(
        "lineage",
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["image"], ["images.id"], name=op.f("fk_lineage_image")),
        sa.PrimaryKeyConstraint("image", "role", "position", name=op.f("pk_lineage")),
    )
    op.create_index("ix_lineage_parent", "lineage", ["parent"])
