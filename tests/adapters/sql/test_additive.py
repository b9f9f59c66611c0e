"""A migration only adds: the program before it goes on with what comes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from imagewright.adapters.sql.upgrade import configuration
from tests.adapters.sql.postgres import Postgres
from tests.adapters.sql.shapes import breaches, shapes
from tests.adapters.sql.test_upgrade import migrate


def revisions() -> list[str]:
    scripts = ScriptDirectory.from_config(configuration())
    return [each.revision for each in scripts.walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/books.db")
        yield engine
        engine.dispose()
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(empty=True) as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def test_every_migration_only_adds(empty: Engine) -> None:
    wrong = []
    with empty.begin() as connection:
        migrate(connection, "0001")
        before = shapes(connection)
    assert {"jobs", "ledger", "audit", "images"} <= before.keys()
    assert any("trigger" in rule.text for rule in before["audit"].rules)
    for later in revisions()[1:]:
        with empty.begin() as connection:
            migrate(connection, later)
            after = shapes(connection)
        wrong += [f"{later}: {said}" for said in breaches(before, after)]
        before = after
    assert wrong == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE quotes DROP COLUMN count", "column quotes.count is gone"),
        ("ALTER TABLE quotes RENAME COLUMN count TO number", "column quotes.count is gone"),
        ("DROP TABLE lineage", "table lineage is gone"),
        ("ALTER TABLE lineage RENAME TO family", "table lineage is gone"),
        ("CREATE UNIQUE INDEX one ON quotes (digest)", "table quotes has a new rule: unique"),
        ("DROP INDEX ix_jobs_one_per_ask", "table jobs has lost a rule: unique"),
        ("ALTER TABLE quotes ADD COLUMN a TEXT CHECK (a = 'b')", "has a new rule: check"),
        ("ALTER TABLE quotes ADD COLUMN a TEXT REFERENCES jobs (id)", "a new rule: reference"),
    ],
)
def test_what_is_more_than_an_addition_is_seen(empty: Engine, change: str, said: str) -> None:
    found = after(empty, change)
    assert any(said in each for each in found), found


def after(empty: Engine, *changes: str) -> list[str]:
    """The breaches of the first schema once these statements have changed it."""
    with empty.begin() as connection:
        migrate(connection, "0001")
        before = shapes(connection)
    with empty.begin() as connection:
        for each in changes:
            connection.execute(text(each))
        return breaches(before, shapes(connection))


def test_a_trigger_or_a_column_that_must_be_given_is_seen(empty: Engine) -> None:
    trigger: tuple[str, ...]
    if empty.dialect.name == "sqlite":
        trigger = ("CREATE TRIGGER no BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'no'); END",)
        column = "ALTER TABLE quotes ADD COLUMN a TEXT NOT NULL DEFAULT ''"
        assert after(empty, column) == []
    else:
        trigger = (
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER no BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION no()",
        )
        column = "ALTER TABLE quotes ADD COLUMN a TEXT NOT NULL"
        assert after(empty, column) == ["column quotes.a must be given"]
        kind = after(empty, "ALTER TABLE quotes ALTER COLUMN count TYPE bigint")
        assert kind == ["column quotes.count is another"]
    assert any("new rule: trigger" in each for each in after(empty, *trigger))


def test_what_may_be_left_out_is_no_breach(empty: Engine) -> None:
    more = ("ALTER TABLE quotes ADD COLUMN a TEXT", "CREATE TABLE more (a TEXT NOT NULL)")
    once = ("CREATE UNIQUE INDEX once ON quotes (digest, a)", "CREATE INDEX b ON quotes (digest)")
    assert after(empty, *more, *once) == []
