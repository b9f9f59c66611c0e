"""[egress] as an operator writes it."""

from pathlib import Path

import pytest

from imagewright.settings import SettingsFault, load_bare
from tests.settings.examples import HOME, Toml, faults, loaded

SOCKET = '[egress]\nsocket = "/run/imagewright-egress/proxy"\n'


def test_every_key(toml: Toml) -> None:
    text = f'{SOCKET}hosts = ["a.example:8443", "*.b.example"]\npublic = true\nidle = "5m"\n'
    found = loaded(config=toml(f"{text}tunnels = 9\n")).settings.egress
    assert found.path == "/run/imagewright-egress/proxy"
    assert found.hosts == ("a.example:8443", "*.b.example")
    assert (found.public, found.idle, found.tunnels) == (True, 300, 9)
    bare = loaded(config=toml("")).settings.egress
    assert (bare.path, bare.hosts, bare.public) == (None, (), None)


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ('[database]\nurl = "postgresql://db/x"\n', "database.url", "reaches no other"),
        ('[rates]\nvalkey_url = "valkeys://v/0"\n', "rates.valkey_url", "reaches no other"),
        ('[proxy]\nvalkey_url = "valkeys://v/0"\n', "proxy.valkey_url", "reaches no other"),
        ("[proxy]\ndocuments = true\n", "proxy.documents", "Set egress.public"),
        ('[providers.comfyui]\nproxy = "http://p:3128"\n', "providers.comfyui.proxy", "WebSocket"),
    ],
)
def test_what_needs_a_network_of_its_own_is_refused(
    toml: Toml, more: str, place: str, words: str
) -> None:
    (line,) = faults(config=toml(SOCKET + more))
    assert place in line
    assert words in line
    loaded(config=toml(more))


def test_sqlite_wherever_it_stands_and_other_proxies_are_fine(toml: Toml) -> None:
    more = '[database]\nurl = "sqlite:////srv/books.db"\n[providers.openai]\nproxy = "http://p:1"\n'
    assert loaded(config=toml(SOCKET + more)).warnings == ()


def test_metrics_that_nobody_reaches_are_warned_of(toml: Toml) -> None:
    (flaw,) = loaded(config=toml(f"{SOCKET}[metrics]\nport = 9000\n")).warnings
    assert (flaw.key, flaw.warning) == ("metrics.port", True)


@pytest.mark.parametrize("host", ["https://a.example", "a.example:0", "*", ""])
def test_a_host_that_is_none_is_told(toml: Toml, host: str) -> None:
    (line,) = faults(config=toml(f'{SOCKET}hosts = ["{host}"]\n'))
    assert "egress.hosts" in line


def test_a_process_without_credentials_reads_what_the_service_refuses(toml: Toml) -> None:
    text = '[auth]\ntoken_subject = "user:a"\n[webhook]\nurl = "https://hooks.example.com"\n'
    faults(config=toml(text))
    found = load_bare(toml(text), environ=HOME)
    assert found.auth.token_subject == "user:a"


def test_it_still_refuses_what_is_no_setting(toml: Toml, tmp_path: Path) -> None:
    with pytest.raises(SettingsFault):
        load_bare(toml("[egress]\nhost = []\n"), environ=HOME)
    with pytest.raises(SettingsFault):
        load_bare(tmp_path / "missing.toml", environ=HOME)
