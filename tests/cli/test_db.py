"""`imagewright db`: what it says of a database, with which exit code, and what it leaves."""

import json
from pathlib import Path

import pytest

from imagewright.adapters.sql.schema import HEAD
from imagewright.cli.operator import operator
from tests.adapters.sql.test_upgrade import fill
from tests.cli.test_acts import Done, Place
from tests.end_to_end.program import free_port


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def older(place: Place) -> Place:
    place.file.parent.mkdir()
    fill(f"sqlite:///{place.file}")
    return place


def db(place: Place, *words: str) -> Done:
    return place.run("db", *words, "--config", str(place.config))


def test_a_database_at_the_programs_schema_has_nothing_to_do(place: Place) -> None:
    place.make_database()
    told = db(place, "status")
    assert told.code == 0
    assert told.stdout.splitlines() == [
        f"current: the sqlite database is at schema {HEAD}.",
        f"This program knows schema {HEAD}.",
    ]
    assert db(place, "upgrade") == Done(
        0, "Nothing to do: the database is at this program's schema.\n", ""
    )
    assert place.lines() == []


def test_an_older_schema_is_told_with_what_is_missing_and_left(older: Place) -> None:
    told = db(older, "status")
    lines = told.stdout.splitlines()
    assert (told.code, lines[0]) == (3, "pending: the sqlite database is at schema 0001.")
    assert lines[2] == "pending: 0002 Revocations."
    assert lines[-1].startswith(f"pending: {HEAD} ")
    found = json.loads(db(older, "status", "--json").stdout)
    assert found.pop("pending")[0] == {"schema": "0002", "title": "Revocations."}
    assert found == {
        "database": "sqlite", "here": "0001", "program": HEAD, "state": "pending",
    }  # fmt: skip
    assert older.schema() == "0001"
    assert [each.name for each in older.file.parent.iterdir()] == ["imagewright.db"]


def test_an_upgrade_says_what_it_did_and_is_audited(older: Place) -> None:
    done = db(older, "upgrade")
    first, second = done.stdout.splitlines()
    (copy,) = older.file.parent.glob("imagewright.db.0001-*Z")
    assert (done.code, first) == (0, f"Upgraded from 0001 to {HEAD}.")
    assert second == f"What was there before: {copy}"
    assert older.schema() == HEAD
    shape = '{"before":"0001"}'
    assert older.lines() == [(operator(), "db_upgrade", HEAD, "migrated", None, shape)]
    assert db(older, "upgrade").stdout.startswith("Nothing to do")


def test_where_no_service_was_started_it_says_so_and_can_make_it(place: Place) -> None:
    told = db(place, "status")
    assert (told.code, told.stdout.splitlines()[0]) == (
        3, "none: the sqlite database is not made yet.",
    )  # fmt: skip
    assert json.loads(db(place, "status", "--json").stdout)["here"] is None
    assert not place.file.parent.exists()
    assert db(place, "upgrade") == Done(0, f"Made at {HEAD}.\n", "")
    assert db(place, "status").code == 0


def test_a_newer_schema_is_told_and_refused(place: Place) -> None:
    place.make_database()
    assert place.schema("9999") == "9999"
    told = db(place, "status")
    assert (told.code, told.stdout.partition(":")[0]) == (1, "newer")
    assert "pending" not in told.stdout
    refused = db(place, "upgrade")
    assert (refused.code, refused.stdout) == (1, "")
    assert "Install the newer program again" in refused.stderr
    assert place.schema() == "9999"


def test_a_database_that_is_away_is_said_in_one_line(place: Place) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/none"
    with place.config.open("a") as settings:
        settings.write(f'[database]\nurl = "{url}"\n')
    for word in ("status", "upgrade"):
        told = db(place, word)
        assert (told.code, told.stdout, len(told.stderr.splitlines())) == (1, "", 1)
        assert url not in told.stderr
