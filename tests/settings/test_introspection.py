"""[auth.issuers.<name>.introspection] as an operator writes it."""

from pathlib import Path

import pytest

from imagewright.adapters.auth.introspection import IntrospectionConfig
from imagewright.app.checking import faults_of
from imagewright.settings import Loaded, SettingsFault, load
from imagewright.settings.shown import as_toml

ISSUER = """
public_url = "https://images.example.com"

[auth]
acl_path = "acl.toml"

[auth.issuers.{name}]
issuer = "https://{name}.example.com"

[auth.issuers.{name}.introspection]
client_id = "imagewright"
"""
CORP = ISSUER.format(name="corp")
SECRET = "not-to-be-shown"


def read(tmp_path: Path, text: str) -> Loaded:
    (tmp_path / "acl.toml").write_text("[subjects]\n")
    file = tmp_path / "imagewright.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load(config=file, environ={"STATE_DIRECTORY": str(tmp_path)}, check=faults_of)


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsFault) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert SECRET not in said
    return said


def config(tmp_path: Path, text: str) -> IntrospectionConfig:
    issuer = read(tmp_path, text).settings.auth.issuers["corp"]
    assert issuer.introspection is not None
    return issuer.introspection.config(issuer.config("corp", "https://images.example.com/mcp"))


def secret_file(tmp_path: Path, text: str = f"{SECRET}\n", mode: int = 0o600) -> Path:
    file = tmp_path / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_secret_stands_in_the_settings_or_in_a_file(tmp_path: Path) -> None:
    here = config(tmp_path, f'{CORP}client_secret = "{SECRET}"\n')
    there = config(tmp_path, f'{CORP}client_secret_file = "{secret_file(tmp_path)}"\n')
    assert here == there
    assert here.client.secret == SECRET
    assert here.client.method == "client_secret_basic"
    assert SECRET not in repr(here)


def test_everything_may_be_said(tmp_path: Path) -> None:
    more = 'method = "client_secret_post"\nendpoint = "https://x.example.com/i"\nprefix = "ory_"\n'
    made = config(tmp_path, f'{CORP}client_secret = "{SECRET}"\n{more}')
    assert made.client.method == "client_secret_post"
    assert (made.endpoint, made.prefix) == ("https://x.example.com/i", "ory_")


def test_a_secret_is_shown_as_asterisks(tmp_path: Path) -> None:
    shown = as_toml(read(tmp_path, f'{CORP}client_secret = "{SECRET}"\n'))
    assert SECRET not in shown
    assert 'client_secret = "********"' in shown


def test_a_secret_in_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    read(tmp_path, f'{CORP}client_secret = "{SECRET}"\n')
    file = tmp_path / "imagewright.toml"
    file.chmod(0o640)
    load(config=file, environ={"STATE_DIRECTORY": str(tmp_path)})
    for mode in (0o644, 0o604):
        file.chmod(mode)
        with pytest.raises(SettingsFault, match="or set client_secret_file"):
            load(config=file, environ={"STATE_DIRECTORY": str(tmp_path)})
    file.write_text(CORP)
    file.chmod(0o644)
    load(config=file, environ={"STATE_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "The client's secret is missing, or there are two."),
        ('client_secret = "x"\nclient_secret_file = "/x"', "The client's secret is missing"),
        ('client_secret = ""', "The client's secret is missing"),
        ('client_secret_file = "secret"', "does not begin with a slash"),
        ('client_secret_file = "/nonexistent/x"', "The file cannot be opened"),
        ('client_secret = "x"\nprefix = "iw_"', "The prefix is not how"),
        ('client_secret = "x"\nendpoint = "http://x.example.com"', "must begin with https://"),
        ('client_secret = "x"\nmethod = "none"', "corp.introspection.method: "),
        ('client_secret = "x"\nsecret = "not-to-be-shown"', "corp.introspection.secret: "),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, line: str, sentence: str) -> None:
    said = faults(tmp_path, f"{CORP}{line}\n")
    assert "auth.issuers" in said
    assert sentence in said


def test_a_file_that_others_read_or_that_is_no_key_is_refused(tmp_path: Path) -> None:
    wide = secret_file(tmp_path, mode=0o644)
    assert "opens it to others" in faults(tmp_path, f'{CORP}client_secret_file = "{wide}"\n')
    wide.chmod(0o600)
    assert "This is no private key" in faults(tmp_path, f'{CORP}private_key_file = "{wide}"\n')
    wide.write_bytes(b"\xff")
    assert "not UTF-8" in faults(tmp_path, f'{CORP}client_secret_file = "{wide}"\n')


def test_two_that_are_asked_tell_their_tokens_apart(tmp_path: Path) -> None:
    def both(one: str, other: str) -> str:
        second = ISSUER.format(name="other").partition("[auth.issuers")
        return (
            f'{CORP}client_secret = "x"\n{one}\n'
            f'{second[1]}{second[2]}client_secret = "x"\n{other}\n'
        )

    assert "corp and other would be shown" in faults(tmp_path, both("", ""))
    read(tmp_path, both('prefix = "a_"', 'prefix = "b_"'))
