"""[sign_in] as an operator writes it."""

from pathlib import Path

import pytest

from tests.settings.examples import SECRET, Toml, faults, loaded

CORP = """
public_url = "https://images.example.com"

[auth]
acl_path = "acl.toml"

[auth.issuers.corp]
issuer = "https://idp.example.com/"
"""
WHOLE = f"""{CORP}
[sign_in]
issuer = "corp"
client_id = "pages"
client_secret = "{SECRET}"
scopes = ["openid", "groups"]
idle = "10m"
longest = "1h"
"""


def test_it_is_read(toml: Toml) -> None:
    found = loaded(config=toml(WHOLE)).settings.sign_in
    assert (found.issuer, found.client_id, found.scopes) == ("corp", "pages", ("openid", "groups"))
    assert (found.idle, found.longest, found.tokens) == (600, 3600, True)
    assert found.client_secret is not None
    assert found.client_secret.get_secret_value() == SECRET
    assert SECRET not in repr(found)


def test_the_secret_may_be_in_a_file_or_a_credential(toml: Toml, tmp_path: Path) -> None:
    (tmp_path / "sign-in-client-secret").write_text(SECRET)
    (tmp_path / "sign-in-client-secret").chmod(0o600)
    text = WHOLE.replace(f'client_secret = "{SECRET}"', "")
    variable = {"IMAGEWRIGHT_SIGN_IN__CLIENT_SECRET_FILE": str(tmp_path / "sign-in-client-secret")}
    for environ in (variable, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        found = loaded(environ, config=toml(text)).settings.sign_in
        assert found.client_secret is not None
        assert found.client_secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('issuer = "corp"', 'issuer = "crop"'), "There is no such issuer. Configured: corp."),
        (('issuer = "corp"\n', ""), "It is set, and sign_in.issuer is not."),
        (('client_id = "pages"', ""), "The issuer knows this service by no name."),
        (('"openid", ', ""), "Without openid nobody is signed in."),
        (('longest = "1h"', 'longest = "5m"'), "This is more than sign_in.longest."),
        (("geheim", "gehëim"), "This is not printable ASCII."),
        (('idle = "10m"', 'idle = "1s"'), "This must be at least 60."),
    ],
)
def test_what_cannot_be(toml: Toml, change: tuple[str, str], words: str) -> None:
    found = faults(config=toml(WHOLE.replace(*change)))
    assert any("sign_in" in line and words in line for line in found), found
    assert not any(SECRET in line for line in found)


def test_people_have_to_be_sent_back_somewhere(toml: Toml) -> None:
    text = WHOLE.replace('public_url = "https://images.example.com"\n', "").replace(
        'issuer = "https://idp.example.com/"', 'issuer = "https://idp.example.com/"\naudience = "x"'
    )
    (line,) = [each for each in faults(config=toml(text)) if "sign in" in each]
    assert "public_url: People cannot sign in without it." in line
