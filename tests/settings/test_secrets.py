from pathlib import Path

import pytest

from tests.settings.examples import TOKEN, Toml, faults, loaded


def test_secrets_come_from_variables_files_credentials_and_the_toml_file(
    toml: Toml, tmp_path: Path
) -> None:
    def secret(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)

    credentials = tmp_path / "credentials"
    credentials.mkdir()
    secret("credentials/provider-b-key", "b-credential")
    secret("credentials/provider-c-key", "c-credential")
    secret("credentials/provider-my-relay-key", "relay")
    secret("credentials/unrelated", "x")
    config = toml(
        "[providers.a]\napi_key = 'a-toml'\n[providers.b]\napi_key = 'b-toml'\n"
        "[providers.c]\n[providers.d]\n[providers.e]\napi_key_file = 'e'\n"
    )
    secret("e", "e-file")
    found = loaded(
        {
            "CREDENTIALS_DIRECTORY": str(credentials),
            "IMAGEWRIGHT_PROVIDERS__C__API_KEY_FILE": secret("c", "c-file"),
            "IMAGEWRIGHT_PROVIDERS__D__API_KEY": "d-variable",
            "IMAGEWRIGHT_PROVIDERS__MY_RELAY__BASE_URL": "https://relay.example",
        },
        config=config,
    )
    keys = {name: each.options().get("api_key") for name, each in found.settings.providers.items()}
    assert keys == {
        "a": "a-toml",
        "b": "b-credential",
        "c": "c-file",
        "d": "d-variable",
        "e": "e-file",
        "my-relay": "relay",
    }
    assert found.settings.providers["my-relay"].kind == "my-relay"
    assert found.settings.providers["my-relay"].options()["base_url"] == "https://relay.example"


def test_the_short_names_of_a_single_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    rest = {"IMAGEWRIGHT_TOKEN_SUBJECT": "user:a", "IMAGEWRIGHT_AUTH__ACL_PATH": "/acl.toml"}
    for name, value in (("IMAGEWRIGHT_TOKEN", TOKEN), ("IMAGEWRIGHT_TOKEN_FILE", str(file))):
        auth = loaded({name: value, **rest}).settings.auth
        assert auth.token is not None
        assert auth.token.get_secret_value() == TOKEN
        assert auth.token_subject == "user:a"
    assert any(
        "is set too" in line
        for line in faults({"IMAGEWRIGHT_TOKEN": TOKEN, "IMAGEWRIGHT_AUTH__TOKEN": TOKEN, **rest})
    )


def test_a_secret_and_its_file_are_not_set_together(toml: Toml, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x")
    key.chmod(0o600)
    environ = {
        "IMAGEWRIGHT_PROVIDERS__A__API_KEY": "x",
        "IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key),
    }
    assert "The variable and its _FILE are both set." in faults(environ)[0]
    for text in ("api_key = 'x'\napi_key_file = 'key'", "api_key_file = 'key'\napi_key = 'x'"):
        assert "both set" in faults(config=toml(f"[providers.a]\n{text}"))[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "does not hold one line"), ("a\nb", "does not hold one line"), ("\xff", "one line")],
)
def test_secret_files_hold_one_line(tmp_path: Path, content: str, said: str) -> None:
    key = tmp_path / "key"
    key.write_bytes(content.encode("latin-1"))
    key.chmod(0o600)
    lines = faults({"IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key)})
    assert len(lines) == 1
    assert said in lines[0]


def test_a_secret_file_that_others_read_is_warned_of_but_not_a_credential(tmp_path: Path) -> None:
    key = tmp_path / "provider-a-key"
    key.write_text("x")
    key.chmod(0o644)
    found = loaded({"IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key)})
    assert [flaw.sentence for flaw in found.warnings] == ["Others can read this secret."]
    assert loaded({"CREDENTIALS_DIRECTORY": str(tmp_path)}).warnings == ()
    key.chmod(0o666)
    assert "Everybody may write" in faults({"IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key)})[0]
    assert "No such file" in faults({"IMAGEWRIGHT_DATABASE__URL_FILE": str(tmp_path / "none")})[0]


def test_secrets_in_an_open_toml_file_are_refused(toml: Toml) -> None:
    path = toml("[providers.a]\napi_key = 'x'\n")
    path.chmod(0o644)
    assert f"{path}:2: providers.a.api_key: A secret stands in a file" in faults(config=path)[0]


@pytest.mark.parametrize("value", ["12345678", "true", "[1]", '{"a": 1}', "null", "1e5"])
def test_a_secret_that_looks_like_json_stays_a_text(value: str) -> None:
    given = {f"IMAGEWRIGHT_PROVIDERS__A__{name}": value for name in ("API_KEY", "OLD_KEY", "TEAM")}
    section = loaded(given).settings.providers["a"]
    assert section.options() == {"api_key": value, "old_key": value, "team": value}
    assert repr(section).count("**********") == 2


def test_an_argument_keeps_its_type() -> None:
    section = loaded(explicit={"providers.a.delay": 0.5}).settings.providers["a"]
    assert section.options() == {"delay": 0.5}
