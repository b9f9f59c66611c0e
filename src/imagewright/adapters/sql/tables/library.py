"""Images, where they come from, and how they are gone on from."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text

from imagewright.adapters.sql.tables.columns import metadata, subject_column

images = Table(
    "images",
    metadata,
    Column("id", Text, primary_key=True),
    subject_column(),
    Column("job", Text, ForeignKey("jobs.id")),
    Column("index", Integer, nullable=False),
    Column("origin", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("alpha", Boolean, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("revised_prompt", Text),
    Column("seed", BigInteger),
    Column("asked_size", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""`words` is what a search looks in, case folded: SQLite's lower() knows ASCII only."""

Index("ix_images_newest", images.c.subject, images.c.created_at, images.c.id)
Index("ix_images_sha256", images.c.subject, images.c.sha256)
Index("ix_images_job", images.c.job)

tags = Table(
    "tags",
    metadata,
    Column("image", Text, ForeignKey("images.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
)

lineage = Table(
    "lineage",
    metadata,
    Column("image", Text, ForeignKey("images.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("parent", Text, nullable=False),
)
"""`parent` may be gone: what came from it still says so."""

Index("ix_lineage_parent", lineage.c.parent)

turns = Table(
    "turns",
    metadata,
    Column("image", Text, ForeignKey("images.id"), primary_key=True),
    subject_column(),
    Column("conversation", Text, nullable=False),
    Column("parent", Text),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("continuation", Text),
    Column("at", BigInteger, nullable=False),
)
"""`parent` may be gone. `continuation` is for the provider's adapter alone."""

Index("ix_turns_conversation", turns.c.subject, turns.c.conversation, turns.c.at)
