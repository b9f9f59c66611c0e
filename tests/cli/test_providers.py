import json
from pathlib import Path

import pytest

from tests.cli.test_config import run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "imagewright.toml"
    path.write_text(
        '[providers.placeholder]\n[providers.openai]\napi_key = "sk-geheim"\n'
        '[[providers.openai.models]]\nid = "gpt-image-2"\n'
        '[[providers.openai.models]]\nid = "ours"\nsizes = { listed = ["64x64"] }\n'
        "[providers.openai.prices]\n"
        'gpt-image-2 = { per = "image", prices = { "*" = "0.40" } }\n'
    )
    path.chmod(0o600)
    return path


def test_models_are_listed_with_their_prices(config: Path) -> None:
    done = run("providers", "list", "--config", str(config))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["PROVIDER", "MODEL", "LIFECYCLE", "ENDS", "PRICE"],
        ["placeholder", "placeholder", "current", "-", "$0.00", "*", "per", "image"],
        ["openai", "gpt-image-2", "current", "-", "$0.40", "*", "per", "image"],
        ["openai", "ours", "current", "-", "none,", "refused"],
    ]


def test_json_has_all_that_the_tool_tells(config: Path) -> None:
    done = run("providers", "list", "--json", "--config", str(config))
    found = json.loads(done.stdout)["providers"]
    assert [provider["name"] for provider in found] == ["placeholder", "openai"]
    ours = found[1]["models"][1]["price"]
    assert ours["refused"] == "This model has no price."
    assert ours["add"].startswith('Under [providers.openai.prices], with its true price: "ours" =')
    assert "geheim" not in done.stdout


def test_a_price_that_cannot_be_stops_it_and_names_the_key(config: Path) -> None:
    config.write_text(config.read_text() + 'x = { per = "image", prices = { "*" = "-1" } }\n')
    done = run("providers", "list", "--config", str(config))
    assert (done.returncode, done.stdout) == (2, "")
    assert "providers.openai.prices.x.prices: " in done.stderr
