"""Alembic, told where its migrations are; imported only when there is something to migrate."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).with_name("migrations")


def configuration() -> Config:
    """Alembic's configuration without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, inside the connection's transaction."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def pending(found: str | None) -> tuple[tuple[str, str], ...]:
    """The migrations that a database at `found` lacks, oldest first, each with its title."""
    scripts = ScriptDirectory.from_config(configuration())
    missing = scripts.iterate_revisions("head", found or "base")
    return tuple((each.revision, each.doc) for each in missing)[::-1]
