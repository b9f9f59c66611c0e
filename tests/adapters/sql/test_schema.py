"""The migrations make what `tables` says, on both databases."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from imagewright.adapters.sql.admission import _STANDING
from imagewright.adapters.sql.claims import _NEXT, _TAKE
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.revocations import _BARS, _STOPS
from imagewright.adapters.sql.schema import HEAD
from imagewright.adapters.sql.tables import metadata
from imagewright.adapters.sql.upgrade import configuration


def test_the_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [HEAD]


async def test_migrations_and_tables_do_not_differ(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []


def written(connection: Connection) -> dict[str, list[str]]:
    """SQLite's own words for every table and index, its columns and conditions in one order."""
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger'")
    return {
        name: sorted(pieces(sql.replace('"', "")))
        for name, sql in connection.execute(query)
        if name not in {"alembic_version", "sqlite_sequence"}
    }


def pieces(sql: str) -> Iterator[str]:
    """What stands between the outermost brackets, divided at its own commas, and the rest."""
    depth, piece = 0, ""
    for letter in " ".join(sql.split()):
        depth += (letter == "(") - (letter == ")")
        if (letter == "," and depth == 1) or (letter, depth) in {("(", 1), (")", 0)}:
            yield piece.strip()
            piece = ""
        else:
            piece += letter
    yield piece.strip()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_conditions_and_checks_do_not_differ_either(database: Database) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        expected = written(connection)
    engine.dispose()
    assert await database.read(written) == expected


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_busiest_queries_scan_no_table(database: Database) -> None:
    def plan(connection: Connection) -> str:
        steps = []
        for query in (_NEXT.params(most=1, passed=[1]), _TAKE, _STANDING[True], _BARS, _STOPS):
            compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
            explain = f"EXPLAIN QUERY PLAN {compiled}"
            values = tuple(1 for _ in compiled.positiontup or ())
            steps += [row[3] for row in connection.exec_driver_sql(explain, values)]
        return "\n".join(steps)

    found = await database.read(plan)
    scans = [
        step for step in found.splitlines() if step.startswith("SCAN") and " INDEX " not in step
    ]
    big = ("jobs", "images", "revocations")
    assert not [step for step in scans if any(table in step for table in big)], found
    assert "COVERING INDEX ix_jobs_queued" in found
    assert "COVERING INDEX ix_jobs_running" in found
