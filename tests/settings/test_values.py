import subprocess
import sys

import pytest

from tests.settings.examples import SRC, TOKEN, Toml, faults, loaded


def test_units_and_lists_are_read() -> None:
    found = loaded(
        {
            "IMAGEWRIGHT_LIMITS__INPUT_BYTES": "10MiB",
            "IMAGEWRIGHT_LIMITS__LINK": "10m",
            "IMAGEWRIGHT_SERVER__ALLOWED_ORIGINS": "https://a.example, http://localhost:3000",
            "IMAGEWRIGHT_SERVER__ALLOWED_HOSTS": "Images.example.com:443,[::1]",
            "IMAGEWRIGHT_PUBLIC_URL": "https://images.example.com/",
        }
    ).settings
    assert found.limits.input_bytes == 10 * 1024**2
    assert found.limits.link == 600
    assert found.server.allowed_origins == ("https://a.example", "http://localhost:3000")
    assert found.server.allowed_hosts == ("images.example.com:443", "[::1]")
    assert found.public_url == "https://images.example.com"


def test_all_faults_are_reported_together(toml: Toml) -> None:
    config = toml(
        'read_onli = true\npublic_url = "http://images.example.com"\n[server]\nhost = "192.0.2.1"\n'
        'port = "eight"\nallowed_origins = ["*"]\n[limits]\nlink = "2d"\ninput_bytes = "60MiB"\n'
    )
    lines = faults(
        {"IMAGEWRIGHT_SEVER__PORT": "1", "IMAGEWRIGHT_LIMITS__WAIT": "700"}, config=config
    )
    assert lines == [
        (
            "environment variable IMAGEWRIGHT_SEVER__PORT: No setting has this name. "
            "Did you mean IMAGEWRIGHT_SERVER__PORT?"
        ),
        f"{config}:1: read_onli: This key means nothing here. Did you mean read_only?",
        (
            f"{config}:2: public_url: An address that others reach must begin with https:// "
            "Write it like https://images.example.com"
        ),
        f"{config}:5: server.port: This must be a whole number.",
        (
            f"{config}:6: server.allowed_origins: Origins are listed one by one; * would let in "
            "every web page."
        ),
        f"{config}:8: limits.link: This must be at most 86400.",
        "environment variable IMAGEWRIGHT_LIMITS__WAIT: limits.wait: This must be at most 600.",
        (
            f"{config}:4: server.host: The address is reached from other machines and no "
            "authentication is set. Set auth.tokens_path, auth.token or auth.issuers, or "
            "listen on 127.0.0.1"
        ),
        f"{config}:9: limits.input_bytes: This is more than limits.inputs_total.",
    ]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("PUBLIC_URL", "https://a.example/x", "a path, a query or a fragment"),
        ("PUBLIC_URL", "https://a.example?x", "a path, a query or a fragment"),
        ("PUBLIC_URL", "https://u:p@a.example", "not https://"),
        ("PUBLIC_URL", "ftp://a.example", "not https://"),
        ("PUBLIC_URL", "https://[", "This is no address."),
        ("PUBLIC_URL", "https://a.example:99999", "This is no address."),
        ("TIME_ZONE", "Mars/Olympus", "No such time zone."),
        ("TIME_ZONE", "../etc/passwd", "No such time zone."),
        ("TIME_ZONE", "America", "No such time zone."),
        ("SERVER__HOST", "a b", "neither a host name nor an address"),
        ("SERVER__HOST", "localhost:80", "neither a host name nor an address"),
        ("SERVER__PATH", "mcp", "must begin with /"),
        ("SERVER__PATH", "/v1/x", "answers something else"),
        ("SERVER__PORT", "0", "at least 1"),
        ("SERVER__PORT", "9" * 5000, "too large"),
        ("SERVER__ALLOWED_ORIGINS", "https://a.example/x", "An origin has no path."),
        ("SERVER__ALLOWED_HOSTS", "*", "not a host name"),
        ("METRICS__PORT", "8787", "listens there itself"),
        ("LOG__LEVEL", "loud", "must be one of"),
        ("READ_ONLY", "perhaps", "true or false"),
        ("LIMITS__INPUT_BYTES", "1.5GiB", "whole number with a known unit"),
        ("LIMITS__WAIT", "1w", "whole number with a known unit"),
        ("LIMITS__WAITING", "201", "more than limits.queue"),
        ("STORAGE__SPOOL_BYTES", "1MiB", "cannot keep one picture"),
        ("DATABASE__URL", "mysql://u:p@h/d", "neither sqlite:// nor postgresql://"),
        ("DEFAULT_PROVIDER", "openai", "No such provider is configured. Configured: none."),
        ("TOKEN", TOKEN, "no ACL says"),
        ("TOKEN", TOKEN, "has no subject"),
        ("TOKEN", "short", "so it can be guessed"),
        ("TOKEN_SUBJECT", "user:a", "its token is not"),
        ("TOKEN_SUBJECT", "alice", "The subject is not of the form"),
        ("AUTH__TOKENS_PATH", "/tokens.toml", "no ACL says"),
        ("PROVIDERS__OPENAI", "x", "No setting has this name."),
        ("PROVIDERS__9__KIND", "x", "A provider's name is"),
        ("PROVIDERS__A__BASE_URL", "https://u:p@a.example/", "holds a user or password"),
        ("SERVER", "{}", "No setting has this name."),
        ("server__port", "1", "Did you mean IMAGEWRIGHT_SERVER__PORT?"),
        ("NAME_FILE", "/x", "No setting has this name."),
        ("NAME", "x" * 101, "at most 100 characters"),
    ],
)
def test_values_that_are_refused(key: str, value: str, said: str) -> None:
    message = "\n".join(faults({f"IMAGEWRIGHT_{key}": value}))
    assert said in message
    assert f"IMAGEWRIGHT_{key}" in message or "default: " in message or "AUTH__" in message


@pytest.mark.parametrize(
    "text",
    [
        "server = 1",
        "providers = 1",
        "[providers]\na = 1",
        "[server.port]\nx = 1",
        "name = 1",
        "[providers.a]\napi_key_file = 1",
        "[providers.a]\nmodels = 1",
        "[providers.a]\nkind = 1",
        "[providers.a]\nx = { y = ['https://u:p@h/'] }",
        "[server]\nallowed_hosts = 1",
        '[server]\ntrusted_proxies = ["0.0.0.0/0"]',
        '[server]\ntrusted_proxies = ["proxy.internal"]',
        "[server]\ntrusted_proxies = 1",
        "state = ''",
        "[providers.A]\nkind = 'x'",
        "models = []",
    ],
)
def test_shapes_that_are_refused(toml: Toml, text: str) -> None:
    assert len(faults(config=toml(text))) == 1


def test_a_host_beyond_loopback_is_served_with_authentication() -> None:
    environ = {
        "IMAGEWRIGHT_SERVER__HOST": "192.0.2.1",
        "IMAGEWRIGHT_AUTH__TOKENS_PATH": "/t.toml",
        "IMAGEWRIGHT_AUTH__ACL_PATH": "/a.toml",
    }
    assert loaded(environ).settings.auth.configured
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert loaded({"IMAGEWRIGHT_SERVER__HOST": host}).settings.server.host == host


def test_open_metrics_are_warned_of() -> None:
    found = loaded({"IMAGEWRIGHT_METRICS__PORT": "9187", "IMAGEWRIGHT_METRICS__HOST": "192.0.2.1"})
    assert [flaw.key for flaw in found.warnings] == ["metrics.host"]


def test_time_zones_are_known_where_the_system_has_none() -> None:
    code = "from imagewright.settings.units import ZoneInfo; print(ZoneInfo('Europe/Berlin'))"
    environ = {"PYTHONTZPATH": "", "PYTHONPATH": str(SRC)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environ, text=True)


def test_a_host_without_time_zone_data_is_told_so() -> None:
    code = """
import sys
sys.modules["tzdata"] = None
from tests.settings.examples import faults
print(*faults(), sep="\\n")
"""
    environ = {"PYTHONTZPATH": "", "PYTHONPATH": f"{SRC}:{SRC.parent}"}
    said = subprocess.check_output([sys.executable, "-c", code], env=environ, text=True)
    assert said == "default: time_zone: There is no time zone data. Install the package tzdata.\n"
