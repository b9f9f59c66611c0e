"""[proxy] as an operator writes it."""

from pathlib import Path

import pytest

from imagewright.app.checking import faults_of
from imagewright.app.proxy import upstream_config
from imagewright.settings import Loaded, SettingsFault, load
from imagewright.settings.shown import as_toml

CORP = """
public_url = "https://images.example.com"

[auth]
acl_path = "acl.toml"

[auth.issuers.corp]
issuer = "https://idp.example.com"
required_scopes = ["paint"]
"""
PROXY = """
[proxy]
issuer = "corp"
client_id = "imagewright"
client_secret = "the-secret-of-our-client"
"""


def read(tmp_path: Path, text: str, **environ: str) -> Loaded:
    (tmp_path / "acl.toml").write_text("[subjects]\n")
    file = tmp_path / "imagewright.toml"
    file.write_text(text)
    file.chmod(0o600)
    around = {"STATE_DIRECTORY": str(tmp_path), **environ}
    return load(config=file, environ=around, check=faults_of)


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsFault) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_it_is_off_until_an_issuer_is_named(tmp_path: Path) -> None:
    assert upstream_config(read(tmp_path, CORP).settings) is None


def test_an_issuer_and_a_client_are_enough(tmp_path: Path) -> None:
    loaded = read(tmp_path, CORP + PROXY)
    made = upstream_config(loaded.settings)
    assert made is not None
    assert made.redirect == "https://images.example.com/authorize/callback"
    assert made.secret == "the-secret-of-our-client"
    tokens = made.id_tokens
    assert (tokens.audience, tokens.id_tokens, tokens.required_scopes) == (
        ("imagewright",),
        True,
        (),
    )
    assert "the-secret" not in as_toml(loaded)


def test_the_environment_may_say_it_all(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    secret.chmod(0o600)
    settings = read(
        tmp_path,
        CORP,
        IMAGEWRIGHT_PROXY__ISSUER="corp",
        IMAGEWRIGHT_PROXY__CLIENT_ID="imagewright",
        IMAGEWRIGHT_PROXY__CLIENT_SECRET_FILE=str(secret),
        IMAGEWRIGHT_PROXY__SCOPES="openid, email",
        IMAGEWRIGHT_PROXY__REDIRECTS="loopback,https://app.example.com/cb",
        IMAGEWRIGHT_PROXY__PARAMETERS='{"access_type": "offline"}',
        IMAGEWRIGHT_PROXY__ACCESS="5m",
    ).settings
    made = upstream_config(settings)
    assert made is not None
    assert made.secret == "from-a-file"
    assert made.scopes == ("openid", "email")
    assert dict(made.parameters) == {"access_type": "offline"}
    assert settings.proxy.redirects == ("loopback", "https://app.example.com/cb")
    assert settings.proxy.access == 300


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CORP + PROXY.replace('"corp"', '"other"'), "No such issuer is configured."),
        (CORP.replace("public_url", "name") + PROXY, "The proxy needs an address of its own."),
        (CORP + PROXY.replace("client_id", "#"), "The client at the provider is missing."),
        (CORP + PROXY.replace("client_secret", "#"), "proxy.method to none"),
        (CORP + PROXY + 'method = "none"', "proxy.method to none"),
        (CORP + PROXY + 'method = "private_key_jwt"', "proxy.method"),
        (CORP + PROXY + 'scopes = ["email"]', "openid is missing"),
        (CORP + PROXY + 'parameters = { state = "x" }', "ours to set"),
        (CORP + PROXY + 'redirects = ["https://*.example.com/cb"]', "wildcard"),
        (CORP + PROXY + 'access = "2h"', "proxy.access"),
        (CORP + PROXY + "registrations = 0", "proxy.registrations"),
        (CORP + PROXY + 'valkey_url = "valkey://:the-secret@valkey.example.com"', "TLS only"),
        (CORP + PROXY + 'valkey_url = "valkeys://:the-secret@x:6379?ssl_cert_reqs=none"', "query"),
        (CORP + PROXY + 'valkey_url = "redis://:the-secret@127.0.0.1"', "neither valkey://"),
        (CORP + PROXY + 'valkey_url = "valkeys://:the-secret@x:port"', "no address"),
        (CORP + PROXY + "nonsense = 1", "proxy.nonsense"),
        (CORP + '[server]\npath = "/token"\n' + PROXY, "answers something else there"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, text: str, told: str) -> None:
    found = faults(tmp_path, text)
    assert told in found
    assert "the-secret" not in found
