"""What the operator's commands leave in the audit, and what they do where there is none."""

import asyncio
import io
import json
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.cli import application
from imagewright.cli.operator import operator
from imagewright.core.token import is_whole
from tests.end_to_end.program import free_port

SETTINGS = """
state = "state"
[auth]
acl_path = "acl.toml"
tokens_path = "tokens.toml"
[providers.placeholder]
"""
CLEAR = "kR2v-90sT_a-long-token-of-theirs"
OLDER = "0004"
LINES = (
    "SELECT credential, action, thing, outcome, reason, shape FROM audit"
    " JOIN subjects ON subjects.number = audit.subject"
    " WHERE subjects.name = 'operator' ORDER BY id"
)


@dataclass(frozen=True)
class Done:
    """What a command printed where, and its exit code."""

    code: int
    stdout: str
    stderr: str


class Place:
    """A directory with settings, an ACL that names user:a, and a token of hers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "state" / "imagewright.db"
        self.config = directory / "imagewright.toml"
        self.config.write_text(SETTINGS)
        self.config.chmod(0o600)
        (directory / "acl.toml").write_text('[subjects]\n"user:a" = ["read"]\n')

    def run(self, *words: str) -> Done:
        """The command in this process: starting one takes longer than all that it does."""
        stdout, stderr, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(stdout), redirect_stderr(stderr):
            try:
                application()(words)
            except SystemExit as end:
                code = int(end.code or 0)
        return Done(code, stdout.getvalue(), stderr.getvalue())

    def token(self, *words: str) -> Done:
        return self.run("token", *words, "--config", str(self.config))

    def acl(self, *words: str) -> Done:
        return self.run("acl", *words, "--config", str(self.config))

    def init(self, name: str = "new") -> Done:
        """A first configuration elsewhere, for the same state directory."""
        new, state = str(self.directory / name), str(self.file.parent)
        return self.run(
            "init", "--yes", "--directory", new, "--state", state, "--subject", "user:b"
        )

    def make_database(self) -> None:
        self.file.parent.mkdir()
        made = Database(SqlConfig(url=f"sqlite:///{self.file}"))
        asyncio.run(made.open())
        asyncio.run(made.close())

    def lines(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(LINES).fetchall()

    def schema(self, change: str | None = None) -> str:
        """The migration that the database is at, after it was said to be at another."""
        with closing(sqlite3.connect(self.file)) as database, database:
            if change is not None:
                database.execute("UPDATE alembic_version SET version_num = ?", (change,))
            (found,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def clear(place: Place) -> Path:
    """A file of tokens in clear."""
    seed = place.directory / "seed.toml"
    seed.write_text(f'[tokens]\n"{CLEAR}" = "user:a"\n')
    seed.chmod(0o600)
    return seed


NARROWING = ("--group", "design", "--scope", "read", "--expires", "2100-01-01")


def test_every_act_is_a_line_by_whoever_did_it(place: Place) -> None:
    place.make_database()
    done = [
        place.token("add", "user:a", "--id", "tok_a"),
        place.token("rotate", "tok_a"),
        place.token("import", str(clear(place))),
        place.token("revoke", "tok_a"),
        place.token("revoke", "tok_a", "--remove"),
        place.init(),
    ]
    found = place.lines()
    (imported,) = json.loads(place.token("list", "--json").stdout)["tokens"]
    by, word = operator(), "imagewright token revoke"
    assert [line[:5] for line in found] == [
        (by, "token_add", "tok_a", "added", None),
        (by, "token_rotate", "tok_a", "rotated", None),
        (by, "token_import", imported["id"], "hashed", None),
        (by, "revoke", "token tok_a", "entered", word),
        (by, "revoke", "token tok_a", "entered", f"{word} --remove"),
        (by, "init", str(place.directory / "new/imagewright.toml"), "written", None),
    ]
    for each in done:
        assert (each.code, "audit" in each.stderr) == (0, False)
        assert not each.stdout or each.stdout.strip() not in str(found)
    assert CLEAR not in str(found)


def test_a_line_has_what_was_given_and_no_note(place: Place) -> None:
    place.make_database()
    place.token("add", "user:a", "--id", "tok_a", "--note", "heliotrope", *NARROWING)
    place.token("rotate", "tok_a", "--overlap", "0s")
    place.token("rotate", "tok_a", "--overlap", "2h")
    place.token("import", str(clear(place)))
    place.init()
    added, at_once, later, imported, inited = (
        json.loads(line[5] or "{}") for line in place.lines()
    )
    assert added == {
        "subject": "user:a",
        "groups": ["design"],
        "scopes": ["read"],
        "expires": "2100-01-01",
    }
    assert (at_once, list(later), imported) == ({}, ["old_until"], {"subject": "user:a"})
    assert inited["subject"] == "user:b"
    assert inited["token"].startswith("tok_")
    assert "heliotrope" not in str(place.lines())


def test_what_was_refused_or_only_looked_at_has_no_line(place: Place) -> None:
    place.make_database()
    place.token("add", "nobody")
    place.token("rotate", "tok_none")
    place.token("revoke", "tok_none")
    place.token("import")
    place.token("list")
    place.run("init", "--yes", "--directory", str(place.directory), "--subject", "user:b")
    place.run("init", "--yes", "--as", "compose", "--directory", str(place.directory / "new"))
    assert place.lines() == []


def every_act(place: Place) -> list[Done]:
    return [
        place.token("add", "user:a", "--id", "tok_a"),
        place.token("rotate", "tok_a"),
        place.token("import", str(clear(place))),
        place.token("revoke", "tok_a"),
        place.init(),
    ]


def kept(place: Place, done: list[Done]) -> None:
    """Fail unless each did its work and showed its token."""
    assert [each.code for each in done] == [0] * 5, done
    assert [is_whole(each.stdout.strip()) for each in done] == [True, True, False, False, True]
    rows = json.loads(place.token("list", "--json").stdout)["tokens"]
    assert [row["state"] for row in rows] == ["revoked", "active"]


def test_before_the_first_start_there_is_no_audit_and_nothing_to_say(place: Place) -> None:
    done = every_act(place)
    kept(place, done)
    assert not place.file.exists()
    for each in done:
        assert "audit" not in each.stderr
        assert "warning" not in each.stderr


def warned(done: Done) -> str:
    """The one warning."""
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("warning: ")]
    return line


def test_where_the_database_is_away_the_work_stands_and_no_line_is_claimed(place: Place) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/none"
    with place.config.open("a") as settings:
        settings.write(f'[database]\nurl = "{url}"\n')
    done = every_act(place)[:4]
    for each in done[:3]:
        assert "The audit has no line of this. " in warned(each)
    assert "waiting jobs and the audit do not know of it" in warned(done[3])
    assert [each.code for each in done] == [0] * 4
    assert "not known" in warned(place.token("list"))
    assert url not in str(done)
    refused = place.acl("revoke", "token", "tok_a", "--reason", "lost")
    assert (refused.code, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)


def test_an_older_programs_database_is_left_as_it_is(place: Place) -> None:
    place.make_database()
    assert place.schema(OLDER) == OLDER
    done = every_act(place)
    assert [each.code for each in done] == [0] * 5
    for each in done:
        assert f"at schema {OLDER}, and an older program" in warned(each)
        assert "start this version's service" in warned(each)
    for words in (
        ("revoke", "subject", "user:a", "--reason", "left"),
        ("restore", "subject", "user:a", "--reason", "back"),
        ("revocations",),
        ("explain", "--subject", "user:a", "--action", "get_image"),
    ):
        refused = place.acl(*words)
        assert (refused.code, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
        assert f"at schema {OLDER}, and an older program" in refused.stderr
    assert place.schema() == OLDER
    assert place.lines() == []


def test_a_newer_programs_database_is_too(place: Place) -> None:
    place.make_database()
    assert place.schema("9999") == "9999"
    refused = place.acl("revoke", "subject", "user:a", "--reason", "left")
    assert (refused.code, refused.stdout) == (1, "")
    assert "at schema 9999" in refused.stderr
    assert "an older program" not in refused.stderr
    assert place.schema() == "9999"


def test_the_acls_own_acts_are_a_line_each(place: Place) -> None:
    place.make_database()
    place.acl("revoke", "subject", "user:a", "--reason", "left")
    place.acl("restore", "subject", "user:a", "--reason", "back")
    assert place.lines() == [
        (operator(), "revoke", "subject user:a", "entered", "left", None),
        (operator(), "restore", "subject user:a", "entered", "back", None),
    ]


def test_whatever_keeps_a_line_away_costs_no_token(place: Place) -> None:
    place.make_database()
    with closing(sqlite3.connect(place.file)) as database, database:
        database.execute("DROP TABLE audit")
    done = place.token("add", "user:a")
    assert (done.code, is_whole(done.stdout.strip())) == (0, True)
    assert warned(done).endswith("It could not be written.")
