"""`imagewright grant` and `imagewright client` where there is nothing to work on."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from imagewright.cli import application

PROXY = """
[proxy]
issuer = "corp"
client_id = "imagewright"
method = "none"
"""
WITHOUT = """
state = "state"
public_url = "https://images.example.com"
[auth]
acl_path = "acl.toml"
[auth.issuers.corp]
issuer = "https://idp.example.com"
"""
COMMANDS = [
    ("grant", "list"),
    ("grant", "revoke", "proxy:x", "--reason", "lost"),
    ("client", "list", "--json"),
    ("client", "remove", "cli_x", "--reason", "lost"),
]


def run(directory: Path, settings: str, *words: str) -> tuple[int | str | None, str, str]:
    (directory / "imagewright.toml").write_text(settings)
    (directory / "acl.toml").write_text("[subjects]\n")
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr), pytest.raises(SystemExit) as end:
        application()([*words, "--config", str(directory / "imagewright.toml")])
    return end.value.code, stdout.getvalue(), stderr.getvalue()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_service_without_a_proxy_has_neither(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, errors = run(tmp_path, WITHOUT, *words)
    assert (code, out) == (2, "")
    assert errors == "The settings name no proxy. It is set by proxy.issuer.\n"


@pytest.mark.parametrize("words", COMMANDS)
def test_before_the_first_start_nothing_is_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, errors = run(tmp_path, WITHOUT + PROXY, *words)
    assert (code, out) == (1, "")
    assert "master.key cannot be opened" in errors
    assert sorted(each.name for each in tmp_path.iterdir()) == ["acl.toml", "imagewright.toml"]


@pytest.mark.parametrize("words", COMMANDS[1::2])
def test_nothing_ends_without_a_reason(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, errors = run(tmp_path, WITHOUT + PROXY, *words[:3])
    assert code not in {0, None}
    assert "reason" in (out + errors)
