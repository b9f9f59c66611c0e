"""[webhook] as an operator writes it."""

from pathlib import Path

import pytest

from imagewright.core.notice import Event
from tests.settings.examples import Toml, faults, loaded

URL = "https://hooks.example.com/in/the-secret-place"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHOLE = f'[webhook]\nurl = "{URL}"\nsecret = "{KEY}"\n'


def test_every_key(toml: Toml) -> None:
    found = loaded(config=toml(f'{WHOLE}events = ["budget_alarm"]')).settings.webhook
    assert found.url is not None
    assert found.secret is not None
    assert (found.url.get_secret_value(), found.secret.get_secret_value()) == (URL, KEY)
    assert found.events == (Event.BUDGET_ALARM,)
    assert loaded(config=toml(WHOLE)).settings.webhook.events == tuple(Event)
    assert "the-secret" not in str(found)


def test_both_are_secrets_that_come_from_files_and_credentials(tmp_path: Path) -> None:
    for name, text in (("webhook-url", URL), ("webhook-secret", KEY)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    variables = {
        "IMAGEWRIGHT_WEBHOOK__URL_FILE": str(tmp_path / "webhook-url"),
        "IMAGEWRIGHT_WEBHOOK__SECRET_FILE": str(tmp_path / "webhook-secret"),
    }
    for environ in (variables, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        found = loaded(environ).settings.webhook
        assert found.url is not None
        assert found.secret is not None
        assert (found.url.get_secret_value(), found.secret.get_secret_value()) == (URL, KEY)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((f'secret = "{KEY}"', ""), "nobody can tell our notices from others"),
        ((f'url = "{URL}"', ""), "webhook.url is not"),
        ((KEY, "whsec_c2hvcnQ="), "whsec_ and 24 to 64 bytes"),
        ((URL, "http://hooks.example.com/the-secret"), "TLS only"),
        ((URL, "ftp://hooks.example.com/the-secret"), "not https:// and a host name"),
        ((URL, "https://user:the-secret@hooks.example.com"), "not https:// and a host name"),
        ((URL, "https://hooks.example.com/the-secret#x"), "a fragment"),
        ((URL, "https://hooks.example.com/the-secret x"), "a blank"),
        ((URL, "https://[the-secret"), "no address"),
        (("[webhook]", '[webhook]\nevents = ["everything"]'), "one of"),
    ],
)
def test_what_cannot_be_is_told(toml: Toml, change: tuple[str, str], words: str) -> None:
    found = faults(config=toml(WHOLE.replace(*change)))
    assert any("webhook" in line and words in line for line in found), found
    assert "the-secret" not in "".join(found)


def test_without_pages_a_warning_says_that_notices_have_no_link(toml: Toml) -> None:
    (flaw,) = loaded(config=toml(WHOLE)).warnings
    assert flaw.warning
    assert "no link to approve with" in flaw.sentence
    assert loaded(config=toml(f'{WHOLE}events = ["budget_alarm"]')).warnings == ()


def test_loopback_is_reached_without_tls(toml: Toml) -> None:
    found = loaded(config=toml(WHOLE.replace(URL, "http://127.0.0.1:9000/hook")))
    assert found.settings.webhook.url is not None
