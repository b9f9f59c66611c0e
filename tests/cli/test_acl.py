"""`imagewright acl` as its user meets it."""

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from imagewright.cli import application

ACL = """[subjects]
"user:alice" = ["images:read", "spend"]
[subjects."service:ci"]
scopes = ["write"]
tools = ["get_*"]
[groups.design]
scopes = ["write"]
"""
SETTINGS = """state = "state"
read_only = false
[auth]
acl_path = "acl.toml"
tokens_path = "tokens.toml"
[providers.placeholder]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "acl.toml").write_text(ACL)
    (tmp_path / "tokens.toml").write_text("[tokens]\n")
    (tmp_path / "tokens.toml").chmod(0o600)
    (tmp_path / "imagewright.toml").write_text(SETTINGS)
    return tmp_path


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def acl(place: Path, *arguments: str) -> Done:
    """In this process: a new one takes longer than all that the command does."""
    code = 0
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        try:
            application()(["acl", *arguments, "--config", str(place / "imagewright.toml")])
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), errors.getvalue())


def said(place: Path, *arguments: str) -> str:
    done = acl(place, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.replace(f"{place}/", "")


def told(place: Path, *arguments: str) -> Any:
    return json.loads(said(place, *arguments, "--json"))


def test_a_good_file_is_ok(place: Path) -> None:
    assert said(place, "check") == "ok\n"
    assert told(place, "check") == {"ok": True, "flaws": []}


def test_every_fault_is_named_with_its_line_and_the_exit_code_is_2(place: Path) -> None:
    other = place / "new.toml"
    other.write_text(f'{ACL}tool = []\n[providers.nowhere]\nbudget = {{ day = "1" }}\n')
    done = acl(place, "check", str(other))
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        f"{other}:8",
        f"{other}:9",
    ]
    done = acl(place, "check", str(other), "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert (found["ok"], len(found["flaws"])) == (False, 2)


def test_what_the_service_would_not_take_is_not_ok(place: Path) -> None:
    with (place / "imagewright.toml").open("a") as settings:
        settings.write(
            '[auth.issuers.ci]\npreset = "github"\naudience = ["https://images.example.com/mcp"]\n'
            'conditions = { repository = ["acme/site"] }\n'
        )
    other = place / "new.toml"
    assert acl(place, "check").returncode == 0
    other.write_text(
        '[subjects."service:ci/acme/site"]\nscopes = ["spend:unattended"]\n'
        'budget = { per_call = "0.10", day = "2" }\n'
    )
    for words in (("check", str(other)), ("diff", str(place / "acl.toml"), str(other))):
        done = acl(place, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{other}:2: " in done.stderr
        assert "[auth.issuers.ci] may spend" in done.stderr


def test_a_warning_spoils_nothing(place: Path) -> None:
    (place / "acl.toml").write_text('[groups.a]\nscopes = ["read"]\nexpires = 2020-01-01\n')
    done = acl(place, "check")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert "acl.toml:3: groups.a.expires: This day has passed" in done.stderr


def test_without_a_file_local_may_do_all(tmp_path: Path) -> None:
    (tmp_path / "imagewright.toml").write_text('state = "state"\nread_only = false\n')
    assert said(tmp_path, "check") == "ok\n"
    found = said(tmp_path, "explain", "--subject", "local", "--action", "generate_image")
    assert found == "allowed: granted\nno ACL file: subjects.local.scopes grants images:write.\n"
    assert not (tmp_path / "state").exists()


def test_what_is_allowed_names_the_line_that_grants(place: Path) -> None:
    asked = ("explain", "--subject", "user:alice", "--group", "design", "--action", "edit_image")
    assert said(place, *asked) == (
        "allowed: granted\nacl.toml:7: groups.design.scopes grants images:write.\n"
    )
    found = told(place, *asked, "--provider", "placeholder", "--model", "any")
    assert (found["allowed"], found["reason"]) == (True, "granted")


@pytest.mark.parametrize(
    ("subject", "action", "answer"),
    [
        (
            "user:alice",
            "images:write",
            'denied: scope\nacl.toml:2: subjects."user:alice".scopes does not grant images:write.',
        ),
        (
            "service:ci",
            "generate_image",
            'denied: tool\nacl.toml:5: subjects."service:ci".tools does not list generate_image.',
        ),
        (
            "user:bob",
            "get_image",
            "denied: unnamed\nNo entry names user:bob or a group of its.",
        ),
    ],
)
def test_what_is_denied_names_the_line_that_denies(
    place: Path, subject: str, action: str, answer: str
) -> None:
    assert said(place, "explain", "--subject", subject, "--action", action) == f"{answer}\n"


@pytest.mark.parametrize(("subject", "action"), [("user:alice", "fly"), ("alice", "get_image")])
def test_a_question_that_is_none(place: Path, subject: str, action: str) -> None:
    done = acl(place, "explain", "--subject", subject, "--action", action)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_limits_are_explained_with_their_lines(place: Path) -> None:
    other = place / "new.toml"
    other.write_text(
        '[subjects."user:alice"]\nscopes = ["read"]\nrate = "30/minute"\n'
        '[everyone]\nrate = "20/minute"\nstorage = "2GiB"\n'
    )
    asked = ("explain", str(other), "--subject", "user:alice", "--action", "get_image")
    limits = [
        "new.toml:5: everyone.rate limits user:alice to 20/minute.",
        "new.toml:6: everyone.storage limits user:alice to 2GiB.",
    ]
    assert told(place, *asked)["limits"] == limits
    assert said(place, *asked).splitlines()[2:] == limits
    assert told(place, "check", str(other)) == {"ok": True, "flaws": []}


def test_what_was_revoked_is_explained_and_restored(place: Path) -> None:
    asked = ("explain", "--subject", "user:alice", "--action", "get_image", "--token", "tok_a")
    assert told(place, *asked)["allowed"]
    for what in (("token", "tok_a"), ("subject", "user:alice")):
        assert said(place, "revoke", *what, "--reason", "lost") == (
            f"Revoked: {' '.join(what)}. Queued jobs ended: 0.\n"
        )
        assert told(place, *asked) == {
            "allowed": False,
            "reason": "revoked",
            "because": [f"The {' '.join(what)} is revoked."],
            "limits": [],
        }
        assert said(place, "restore", *what, "--reason", "found") == (
            f"Restored: {' '.join(what)}.\n"
        )
    assert told(place, *asked)["allowed"]


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (("user:alice",), "spending by user:alice"),
        (("--provider", "openai"), "spending at openai"),
        (("--everyone",), "all spending"),
    ],
)
def test_spending_is_stopped_listed_and_restored(
    place: Path, words: tuple[str, ...], target: str
) -> None:
    said(place, "revoke", "spending", *words, "--reason", "a bill")
    (row,) = told(place, "revocations")
    assert (row["reason"], row["lifted_at"]) == ("a bill", None)
    assert f" {target}: a bill (by {row['by']})\n" in said(place, "revocations")
    said(place, "restore", "spending", *words, "--reason", "paid")
    assert said(place, "revocations") == "Nothing is revoked.\n"
    (lifted,) = told(place, "revocations", "--all")
    assert (lifted["id"], lifted["lifted_by"]) == (row["id"], row["by"])
    assert "; restored by " in said(place, "revocations", "--all")


@pytest.mark.parametrize(
    "words",
    [
        ("token",),
        ("subject", "alice"),
        ("subject", "--everyone"),
        ("token", "tok_a", "--everyone"),
        ("spending",),
        ("spending", "user:a", "--provider", "openai"),
    ],
)
def test_what_names_nothing_or_two_things_is_refused(place: Path, words: tuple[str, ...]) -> None:
    done = acl(place, "revoke", *words, "--reason", "lost")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said(place, "revocations", "--all") == "Nothing is revoked.\n"


def test_what_is_not_revoked_cannot_be_restored(place: Path) -> None:
    done = acl(place, "restore", "token", "tok_a", "--reason", "found")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such revocation" in done.stderr


def test_who_gains_and_who_loses(place: Path) -> None:
    new = place / "new.toml"
    new.write_text(ACL.replace(', "spend"', "").replace('["get_*"]', '["get_*", "list_*"]'))
    old = str(place / "acl.toml")
    assert said(place, "diff", old, str(new)) == (
        'subjects."service:ci"\n  gains tools list_*\nsubjects."user:alice"\n  loses spend\n'
    )
    assert told(place, "diff", old, str(new))[1] == {
        "entry": 'subjects."user:alice"',
        "gains": [],
        "loses": ["spend"],
    }
    assert said(place, "diff", old, old) == "No difference.\n"
    new.write_text("[subjects")
    done = acl(place, "diff", old, str(new))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{new}:1: ")
