"""Every outward address of the settings is a way of the egress proxy."""

import json
from pathlib import Path

import pytest

from imagewright.adapters.egress.ways import Place, Ways
from imagewright.adapters.kinds import own_kinds
from imagewright.app.egress import shown
from imagewright.app.ways import ways_of
from imagewright.settings import load_bare

USUAL = {
    "openai": Place("api.openai.com"),
    "openai_responses": Place("api.openai.com"),
    "openrouter": Place("openrouter.ai"),
    "gemini": Place("generativelanguage.googleapis.com"),
    "bfl": Place("api.bfl.ai"),
    "comfyui": Place("127.0.0.1", 8188),
    "sd_webui": Place("127.0.0.1", 7860),
    "openai_compatible": Place("127.0.0.1", 8080),
    "placeholder": None,
}


def ways(tmp_path: Path, text: str) -> Ways:
    path = tmp_path / "imagewright.toml"
    path.write_text(text)
    path.chmod(0o600)
    return ways_of(load_bare(path, environ={"HOME": "/nowhere"}))


@pytest.mark.parametrize(("kind", "place"), USUAL.items())
def test_a_provider_is_reached_at_its_usual_address(
    tmp_path: Path, kind: str, place: Place | None
) -> None:
    assert kind in own_kinds()
    found = ways(tmp_path, f"[providers.{kind}]\n")
    assert found.places == (frozenset({place}) if place else frozenset())
    assert found.public is (kind == "bfl")


def test_no_kind_is_left_out() -> None:
    assert USUAL.keys() == set(own_kinds())


def test_a_providers_own_address_and_proxy_are_taken_in_place_of_the_usual(tmp_path: Path) -> None:
    section = 'base_url = "http://[::1]:9000/v1"\nproxy = "http://corp.example:3128"\n'
    found = ways(tmp_path, f"[providers.openai]\n{section}")
    assert found.places == {Place("::1", 9000), Place("corp.example", 3128)}


@pytest.mark.parametrize("kind", ["openai", "openai_compatible"])
def test_a_server_elsewhere_that_answers_with_addresses_opens_the_public_hosts(
    tmp_path: Path, kind: str
) -> None:
    text = f'[providers.{kind}]\nbase_url = "https://relay.example/v1"\n'
    assert ways(tmp_path, text) == Ways(places=frozenset({Place("relay.example")}), public=True)
    assert not ways(tmp_path, f"{text}[egress]\npublic = false\n").public


def test_the_operator_may_open_the_public_hosts(tmp_path: Path) -> None:
    assert ways(tmp_path, "[egress]\npublic = true\n") == Ways(public=True)


def test_vertex_is_reached_where_it_is_and_its_keys_where_the_file_says(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"token_uri": "http://127.0.0.1:7000/token"}))
    section = f'[providers.gemini]\nproject = "p"\nlocation = "europe-west4"\nkey_file = "{key}"\n'
    vertex = Place("europe-west4-aiplatform.googleapis.com")
    assert ways(tmp_path, section).places == {vertex, Place("127.0.0.1", 7000)}
    key.unlink()
    assert ways(tmp_path, section).places == {vertex, Place("oauth2.googleapis.com")}
    gateway = f'{section}base_url = "https://gateway.example"\n'
    assert Place("gateway.example") in ways(tmp_path, gateway).places
    assert vertex not in ways(tmp_path, gateway).places


def test_issuers_sign_in_webhook_and_more_hosts(tmp_path: Path) -> None:
    text = """
    [auth.issuers.corp]
    issuer = "https://idp.example.com/realms/a"
    audience = "x"
    jwks_uri = "https://keys.example.com/jwks"
    [auth.issuers.corp.introspection]
    client_id = "a"
    endpoint = "https://ask.example.com:8443/introspect"
    [auth.issuers.ci]
    preset = "github"
    audience = "x"
    subject = "service:ci/{repository}"
    conditions = { repository = "o/r" }
    [sign_in]
    hosts = ["login.example.com", "login.example.net:8443"]
    [webhook]
    url = "http://127.0.0.1:9000/hook"
    [egress]
    hosts = ["more.example:1", "*.cdn.example"]
    """
    found = ways(tmp_path, text)
    assert found.places == {
        Place("idp.example.com"),
        Place("keys.example.com"),
        Place("ask.example.com", 8443),
        Place("token.actions.githubusercontent.com"),
        Place("login.example.com"),
        Place("login.example.net", 8443),
        Place("127.0.0.1", 9000),
        Place("more.example", 1),
        Place("*.cdn.example"),
    }


def test_it_is_shown_in_order() -> None:
    places = frozenset({Place("b.example"), Place("*.a.example"), Place("10.0.0.7", 1)})
    assert shown(Ways(places=places, public=True)) == (
        {"host": "*.a.example", "port": 443, "addresses": "public"},
        {"host": "10.0.0.7", "port": 1, "addresses": "any"},
        {"host": "b.example", "port": 443, "addresses": "any"},
        {"host": "*", "port": 443, "addresses": "public"},
    )
