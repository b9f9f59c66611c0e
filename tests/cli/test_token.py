"""`imagewright token`: what it prints where, and what it leaves on the disk."""

import io
import json
import re
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagewright.cli import application
from imagewright.core.token import is_whole

FOREIGN = "kR2v-90sT_a-long-token-of-theirs"
SETTINGS = """
state = "state"
[auth]
acl_path = "acl.toml"
tokens_path = "tokens.toml"
[providers.placeholder]
"""


@dataclass(frozen=True)
class Done:
    """What a command printed where, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


class Place:
    """A directory with settings and an ACL that names user:a."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tokens = directory / "tokens.toml"
        (directory / "imagewright.toml").write_text(SETTINGS)
        (directory / "acl.toml").write_text('[subjects]\n"user:a" = ["read"]\n')

    def run(self, *words: str) -> Done:
        """The command in this process: starting one takes longer than all that it does."""
        stdout, stderr = io.StringIO(), io.StringIO()
        arguments = ["token", *words, "--config", str(self.directory / "imagewright.toml")]
        with redirect_stdout(stdout), redirect_stderr(stderr):
            try:
                application()(arguments)
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
            else:
                code = 0
        return Done(code, stdout.getvalue(), stderr.getvalue())

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("list", "--json").stdout)["tokens"]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_life_of_a_token(place: Place) -> None:
    added = place.run("add", "--scope", "read", "--expires", "90d", "user:a", "--note", "laptop")
    assert added.returncode == 0, added.stderr
    assert is_whole(added.stdout.removesuffix("\n"))
    assert added.stdout.strip() not in added.stderr
    assert "warning" not in added.stderr
    (entry,) = place.listed()
    assert (entry["state"], entry["scopes"]) == ("active", ["images:read"])
    id = entry["id"]

    rotated = place.run("rotate", id, "--overlap", "2h")
    assert is_whole(rotated.stdout.removesuffix("\n"))
    assert rotated.stdout != added.stdout
    assert "The old token is good until 20" in rotated.stderr
    assert place.listed()[0]["state"] == "rotating"
    assert "refused from now on" in place.run("rotate", id, "--overlap", "0s").stderr

    table = place.run("list").stdout
    assert re.fullmatch(
        rf"ID +SUBJECT +STATE +EXPIRES .*\n{id}  user:a +active +\S+Z .*laptop\n", table
    )

    revoked = place.run("revoke", id)
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert f"Revoked {id}" in revoked.stderr
    assert place.listed()[0]["state"] == "revoked"
    assert place.run("revoke", "--remove", id).returncode == 0
    assert place.listed() == []
    assert "holds no token" in place.run("list").stderr


def test_a_token_is_given_a_budget(place: Place) -> None:
    amounts = ["--budget-call", "0.10", "--budget-day", "0", "--budget-month", "20"]
    assert place.run("add", "user:a", *amounts).returncode == 0
    (entry,) = place.listed()
    assert entry["budget"] == {"per_call": "0.10", "day": "0.00", "month": "20.00"}
    assert "day is more than" not in place.run("list").stderr


def test_no_list_shows_a_secret_or_a_hash(place: Place) -> None:
    place.tokens.write_text(f'[tokens]\n"{FOREIGN}" = "user:a"\n')
    place.tokens.chmod(0o600)
    made = place.run("add", "user:a").stdout.strip()
    place.run("rotate", place.listed()[1]["id"])
    hashes = re.findall(r"[0-9a-f]{64}", place.tokens.read_text())
    assert len(hashes) == 2
    for arguments in (["list"], ["list", "--json"]):
        done = place.run(*arguments)
        assert "can be read here" in done.stderr
        for secret in (FOREIGN, made, *hashes):
            assert secret not in done.stdout + done.stderr


def test_tokens_in_clear_are_imported(place: Place) -> None:
    place.tokens.write_text(f'# ours\n[tokens]\n"{FOREIGN}" = "user:a" # hers\n')
    place.tokens.chmod(0o600)
    done = place.run("import")
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 token in clear is hashed" in done.stderr
    text = place.tokens.read_text()
    assert FOREIGN not in text + done.stderr
    assert text.startswith("# ours\n[tokens]\ntok_")
    assert text.endswith(" # hers\n")
    assert place.run("list").stderr == ""


def test_a_file_of_tokens_in_clear_is_imported(place: Place, tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text(f'[tokens]\n"{FOREIGN}" = "user:a"\n')
    seed.chmod(0o600)
    done = place.run("import", str(seed))
    assert done.returncode == 0, done.stderr
    assert f"{seed} still holds" in done.stderr
    assert FOREIGN not in place.tokens.read_text() + done.stderr
    assert len(place.listed()) == 1
    assert "0 tokens" in place.run("import", str(seed)).stderr


def test_a_subject_that_the_acl_does_not_name_is_warned_of(place: Place) -> None:
    done = place.run("add", "user:b")
    assert done.returncode == 0
    assert "does not name user:b" in done.stderr
    assert '"user:b" = ["read"]' in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["add", "alice"], 2, "user:<id>"),
        (["add", "user:a", "--scope", "raed"], 2, "no scope 'raed'"),
        (["add", "user:a", "--cidr", "10.0.0.1/8"], 2, "no network"),
        (["add", "user:a", "--expires", "soon"], 2, "90d"),
        (["add", "user:a", "--expires", "2020-01-01"], 2, "in the past"),
        (["add", "user:a", "--id", "laptop"], 2, "tok_"),
        (["add", "user:a", "--budget-day", "-1"], 2, "US dollars"),
        (["add", "user:a", "--budget-day=1e3"], 2, "US dollars"),
        (["add", "user:a", "--budget-month", "5 USD"], 2, "US dollars"),
        (["add", "user:a", "--budget-call", "NaN"], 2, "US dollars"),
        (["rotate", "tok_none"], 1, "There is no token tok_none"),
        (["revoke", "tok_none"], 1, "There is no token tok_none"),
        (["import"], 1, "There is no file"),
        (["import", "none.toml"], 2, "cannot be opened"),
    ],
)
def test_what_is_refused_in_one_line(place: Place, words: list[str], code: int, said: str) -> None:
    if words[0] == "rotate" or words[0] == "revoke":
        place.run("add", "user:a")
    before = place.tokens.read_bytes() if place.tokens.exists() else None
    done = place.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (place.tokens.read_bytes() if place.tokens.exists() else None) == before


@pytest.mark.parametrize(
    ("words", "data", "mode", "said"),
    [
        ("add user:a", b'[tokens]\n"short" = "user:a"\n', 0o600, "so it can be guessed"),
        ("list", f'[tokens]\n"{FOREIGN}" = "a"\n"{FOREIGN}" = "b"'.encode(), 0o600, "twice"),
        ("rotate tok_a", b"\xff\xfe", 0o600, "not UTF-8"),
        ("revoke tok_a", b"#" * 5_000_000, 0o600, "larger than 1 MiB"),
        ("import", b"", 0o666, "chmod o-w"),
        ("list", b"", 0o644, "chmod 0640"),
    ],
)
def test_a_bad_file_is_one_clear_fault(
    place: Place, words: str, data: bytes, mode: int, said: str
) -> None:
    place.tokens.write_bytes(data)
    place.tokens.chmod(mode)
    done = place.run(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    faults = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(faults) == 1
    assert said in faults[0]
    assert FOREIGN not in done.stderr
    assert place.tokens.read_bytes() == data


def test_crlf_tabs_and_a_byte_order_mark_are_kept(place: Place) -> None:
    old = b"\xef\xbb\xbf# ours\r\n[tokens]\r\n\t# none\r\n"
    place.tokens.write_bytes(old)
    place.tokens.chmod(0o640)
    assert place.run("add", "user:a", "--id", "tok_a").returncode == 0
    new = place.tokens.read_bytes()
    assert new.startswith(old + b"\r\n[tokens.tok_a]\r\nsha256 = ")
    assert new.count(b"\n") == new.count(b"\r\n")
    assert place.tokens.stat().st_mode & 0o777 == 0o640
    assert tomllib.loads(new.decode("utf-8-sig"))["tokens"]["tok_a"]["subject"] == "user:a"


def test_a_note_cannot_write_to_the_terminal(place: Place) -> None:
    place.run("add", "user:a", "--id", "tok_a")
    with place.tokens.open("a") as file:
        file.write('note = "\\u001b[2J\\nfake"\n')
    shown = place.run("list").stdout
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2


def test_settings_without_a_tokens_file_are_said(place: Place) -> None:
    (place.directory / "imagewright.toml").write_text('state = "state"\n')
    done = place.run("add", "user:a")
    assert (done.returncode, done.stdout) == (2, "")
    assert "auth.tokens_path" in done.stderr
