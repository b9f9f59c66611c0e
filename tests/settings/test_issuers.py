"""[auth.issuers.<name>] as an operator writes it."""

import json
from pathlib import Path

import pytest

from imagewright.adapters.auth.issuer import ALGORITHMS
from imagewright.app.checking import faults_of
from imagewright.settings import Loaded, SettingsFault, load
from imagewright.settings.shown import as_toml

CORP = """
public_url = "https://images.example.com"

[auth]
acl_path = "acl.toml"

[auth.issuers.corp]
issuer = "https://idp.example.com/"
"""
GITHUB = """
[auth.issuers.github]
issuer = "https://token.actions.githubusercontent.com"
audience = "imagewright"
id_tokens = true
leeway = "1m"
subject = "service:{repository}"
groups_claim = ["a", "b"]
groups = { writers = ["design", "ops"], readers = "all" }
scopes = { paint = ["read"] }

[auth.issuers.github.conditions]
repository_owner_id = "65"
repository = "acme/*"
ref = ["refs/heads/main", "refs/tags/*"]
private = true
"""


def read(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "imagewright.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load(config=file, environ={"STATE_DIRECTORY": str(tmp_path)})


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsFault) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_an_issuer_is_enough_to_ask_for_tokens(tmp_path: Path) -> None:
    auth = read(tmp_path, CORP).settings.auth
    assert auth.configured
    made = auth.issuers["corp"].config("corp", "https://images.example.com/mcp")
    assert made.issuer == "https://idp.example.com/"
    assert made.audience == ("https://images.example.com/mcp",)
    assert made.algorithms == ALGORITHMS
    assert made.types == {"at+jwt"}
    assert made.subject_text == "user:corp/{sub}"
    assert auth.issuers["corp"].advertised


def test_everything_may_be_said(tmp_path: Path) -> None:
    auth = read(tmp_path, CORP + GITHUB).settings.auth
    section = auth.issuers["github"]
    made = section.config("github")
    assert made.audience == ("imagewright",)
    assert made.types == {"jwt"}
    assert made.leeway == 60
    assert made.groups_claim == ("a", "b")
    assert made.groups == {"writers": ("design", "ops"), "readers": ("all",)}
    assert made.scopes == {"paint": ("read",)}
    assert made.conditions == {
        "repository_owner_id": ("65",),
        "repository": ("acme/*",),
        "ref": ("refs/heads/main", "refs/tags/*"),
        "private": (True,),
    }
    assert not section.advertised


def test_a_variable_holds_them_as_json(tmp_path: Path) -> None:
    section = {"issuer": "https://idp.example.com", "audience": ["a"], "advertise": False}
    environ = {
        "STATE_DIRECTORY": str(tmp_path),
        "IMAGEWRIGHT_AUTH__ACL_PATH": "acl.toml",
        "IMAGEWRIGHT_AUTH__ISSUERS": json.dumps({"corp": section}),
    }
    auth = load(environ=environ).settings.auth
    assert auth.issuers["corp"].config("corp").audience == ("a",)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('algorithm = "RS256"', "corp.algorithm: "),
        ('algorithms = ["HS256"]', "corp: An algorithm is not allowed."),
        ("leeway = 500", "corp.leeway: "),
        ("id_tokens = 7", "corp.id_tokens: "),
        ('subject = "{sub}"', "corp: The subject is neither"),
        ("conditions = { a = 1.5 }", "corp.conditions: "),
        ("conditions = { a = [[1]] }", "corp.conditions: "),
        ('scopes = { a = "*" }', "corp: A claim cannot be made into *"),
        ('typ = "logout+jwt"', "corp: A logout token"),
        ('jwks_uri = "http://x.example.com"', "corp: The address must begin with https://"),
        ('ca_path = "ca.pem"', "corp: The path of the certificates"),
    ],
)
def test_what_is_wrong_is_said_with_the_name(tmp_path: Path, line: str, sentence: str) -> None:
    said = faults(tmp_path, CORP + line + "\n")
    assert "auth.issuers: " in said
    assert sentence in said


@pytest.mark.parametrize("text", ["issuers = 7", 'issuers = "x"', "issuers.corp = 7"])
def test_what_is_no_table_is_said(tmp_path: Path, text: str) -> None:
    assert "auth.issuers" in faults(tmp_path, f'[auth]\nacl_path = "acl.toml"\n{text}\n')


def test_an_audience_is_needed_from_somewhere(tmp_path: Path) -> None:
    text = CORP.replace("public_url", "# public_url")
    assert "An issuer has no audience." in faults(tmp_path, text)
    loaded = read(tmp_path, f'{text}audience = "x"\n')
    assert [flaw.sentence for flaw in loaded.warnings] == [
        "Clients are not told where to get a token."
    ]


def test_issuers_that_may_yield_one_subject_are_told_of(tmp_path: Path) -> None:
    more = '[auth.issuers.b]\nissuer = "https://b.example.com"\nsubject = "user:{sub}"\n'
    said = faults(tmp_path, CORP + more)
    assert "corp and b may yield the same subject." in said


PRESET = """
[auth.issuers.ci]
preset = "{}"
conditions = {{ {} = "acme/site" }}
"""


@pytest.mark.parametrize(
    ("preset", "claim", "address"),
    [
        ("github", "repository", "https://token.actions.githubusercontent.com"),
        ("gitlab", "project_path", "https://gitlab.com"),
    ],
)
def test_a_preset_says_all_but_who(tmp_path: Path, preset: str, claim: str, address: str) -> None:
    loaded = read(tmp_path, CORP + PRESET.format(preset, claim))
    section = loaded.settings.auth.issuers["ci"]
    made = section.config("ci", "https://images.example.com/mcp")
    assert made.issuer == address
    assert made.audience == ("https://images.example.com/mcp",)
    assert made.takes_id_tokens
    assert made.subject_text == f"service:ci/{{{claim}}}"
    assert not section.advertised
    (warning,) = loaded.warnings
    assert warning.sentence == "ci knows its jobs by a name, which another may have one day."
    (tmp_path / "again").mkdir()
    again = read(tmp_path / "again", as_toml(loaded))
    shown = again.settings.auth.issuers["ci"].config("ci", "https://images.example.com/mcp")
    assert shown == made


def test_an_id_is_nothing_to_be_warned_of(tmp_path: Path) -> None:
    text = PRESET.format("github", "repository").replace('"acme/site"', '"acme/site", X = "65"')
    assert not read(tmp_path, CORP + text.replace("X", "repository_owner_id")).warnings


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('preset = "jenkins"', "ci.preset: "),
        ('preset = "github"', "ci: This issuer gives tokens to everybody."),
        ('issuer = "https://gitlab.com"', "ci: This issuer gives tokens to everybody."),
        ("", "ci: This is no address"),
        (
            'preset = "github"\naudience = "https://github.com/acme"',
            "ci: The audience is one that tokens have for others.",
        ),
        (
            'preset = "github"\nconditions = { repository_id = 74 }',
            "ci: The condition on repository_id is no text",
        ),
    ],
)
def test_what_a_preset_lacks_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in faults(tmp_path, f"{CORP}\n[auth.issuers.ci]\n{text}\n")


SECOND = '[auth.issuers.b]\nissuer = "https://b.example.com"\nsubject = "user:{sub}"\n'


@pytest.mark.parametrize("text", [CORP + SECOND, CORP.replace("public_url", "# public_url")])
def test_what_does_not_go_together_is_said_once(tmp_path: Path, text: str) -> None:
    (tmp_path / "acl.toml").write_text("[subjects]\n")
    file = tmp_path / "imagewright.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SettingsFault) as caught:
        load(config=file, environ={"STATE_DIRECTORY": str(tmp_path)}, check=faults_of)
    assert len(caught.value.flaws) == 1


def test_an_acl_is_needed_beside_them(tmp_path: Path) -> None:
    text = CORP.replace("acl_path", "# acl_path")
    assert "no ACL says who may do what" in faults(tmp_path, text)


def test_they_are_shown_as_they_are_written(tmp_path: Path) -> None:
    shown = as_toml(read(tmp_path, CORP + GITHUB))
    assert "[auth.issuers.github]" in shown
    assert 'issuer = "https://idp.example.com/"' in shown
    (tmp_path / "again").mkdir()
    again = read(tmp_path / "again", shown)
    assert again.settings.auth.issuers == read(tmp_path, CORP + GITHUB).settings.auth.issuers
