"""What the operator says of consent."""

import pytest

from tests.settings.examples import Toml, faults, loaded

PROVIDERS = """
[providers.paint]
kind = "placeholder"
[providers.draw]
kind = "placeholder"
"""


def test_a_client_may_consent_and_every_provider_is_asked_about() -> None:
    settings = loaded().settings
    assert (settings.consent, settings.paid_providers) == ("client", None)


def test_providers_that_are_asked_about(toml: Toml) -> None:
    found = loaded(config=toml(f'paid_providers = ["paint"]\n{PROVIDERS}'))
    assert found.settings.paid_providers == ("paint",)
    assert found.warnings == ()
    given = {"IMAGEWRIGHT_PAID_PROVIDERS": "paint, draw"}
    assert loaded(given, config=toml(PROVIDERS)).settings.paid_providers == ("paint", "draw")


def test_asking_nobody_is_said_at_the_start(toml: Toml) -> None:
    found = loaded(config=toml(f"paid_providers = []\n{PROVIDERS}"))
    (flaw,) = found.warnings
    assert (flaw.key, flaw.warning) == ("paid_providers", True)
    assert flaw.sentence == "Nobody is asked before money is spent, by any provider."


@pytest.mark.parametrize("wrong", ['["Paint"]', '["paint", "openai"]', '["*"]'])
def test_a_wrong_name_stops_the_start(toml: Toml, wrong: str) -> None:
    (line,) = faults(config=toml(f"paid_providers = {wrong}\n{PROVIDERS}"))
    assert "paid_providers" in line
    assert "No such provider is configured." in line
    assert "Configured: paint, draw." in line


def test_a_persons_consent_needs_pages(toml: Toml) -> None:
    (line,) = faults(config=toml('consent = "human"\n'))
    assert "there are none" in line
    auth = '[auth]\nacl_path = "acl.toml"\ntokens_path = "tokens.toml"\n'
    assert loaded(config=toml(f'consent = "human"\n{auth}')).settings.consent == "human"
    (line,) = faults(config=toml(f'consent = "any"\n{auth}'))
    assert "one of" in line
