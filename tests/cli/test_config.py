import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SECRET = "geheim-geheim-geheim-geheim"
SRC = str(Path(__file__).parents[2] / "src")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from imagewright.cli import main; main()", *arguments],
        env={"HOME": "/home/someone", "PYTHONPATH": SRC, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "imagewright.toml"
    path.write_text('name = "Team"\n[providers.a]\nkind = "openai"\n')
    return path


def test_good_settings_are_ok(config: Path) -> None:
    done = run("config", "check", "--config", str(config))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_warnings_do_not_spoil_the_answer() -> None:
    done = run(
        "config",
        "check",
        IMAGEWRIGHT_METRICS__PORT="9187",
        IMAGEWRIGHT_METRICS__HOST="192.0.2.1",
    )
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert done.stderr.startswith("warning: environment variable IMAGEWRIGHT_METRICS__HOST: ")


@pytest.mark.parametrize("command", ["check", "show"])
def test_every_fault_is_printed_and_the_exit_code_is_2(config: Path, command: str) -> None:
    done = run(
        "config",
        command,
        "--config",
        str(config),
        IMAGEWRIGHT_SERVER__HOST="192.0.2.1",
        IMAGEWRIGHT_TOKN=SECRET,
        IMAGEWRIGHT_SERVER__PORT=SECRET,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 3
    assert SECRET not in done.stderr


@pytest.mark.parametrize("command", ["config check", "serve"])
def test_all_that_would_stop_a_start_is_said_at_once(tmp_path: Path, command: str) -> None:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    acl = write("acl.toml", '[groups.g]\ntools = ["images"]\nproviders = ["flux"]\n')
    tokens = write("tokens.toml", "[tokens.tok_a]\nsha256 = 1\nsubject = 'user:a'\n")
    config = write(
        "imagewright.toml",
        "state = 'state'\ntime_zone = 'Mars'\n"
        "[auth]\nacl_path = 'acl.toml'\ntokens_path = 'tokens.toml'\n"
        f"[providers.openai]\napi_key = '{SECRET}'\nbaseurl = 'x'\nmodels = ['dall-e-9']\n"
        "[providers.nano]\n[providers.draw]\nkind = 'placeholder'\ndelay = 9000\n",
    )
    done = run(*command.split(), "--config", str(config))
    assert (done.returncode, done.stdout) == (2, "")
    assert SECRET not in done.stderr
    places = [line.split(" ")[0:2] for line in done.stderr.splitlines()]
    assert places == [
        [f"{config}:2:", "time_zone:"],
        [f"{config}:8:", "providers.openai.baseurl:"],
        [f"{config}:9:", "providers.openai.models:"],
        [f"{config}:10:", "providers.nano.kind:"],
        [f"{config}:11:", "providers.draw:"],
        [f"{acl}:2:", "groups.g.tools:"],
        [f"{acl}:3:", "groups.g.providers:"],
        [f"{tokens}:2:", "tokens.tok_a.sha256:"],
    ]
    assert not (tmp_path / "state").exists()


def test_an_env_file_is_read(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("IMAGEWRIGHT_NAME=Filed\n")
    env_file.chmod(0o600)
    done = run("config", "show", "--env-file", str(env_file))
    assert f'name = "Filed"  # {env_file}:1\n' in done.stdout


def test_settings_are_shown_as_toml_without_secrets(config: Path) -> None:
    done = run("config", "show", "--config", str(config), IMAGEWRIGHT_PROVIDERS__A__API_KEY=SECRET)
    shown = tomllib.loads(done.stdout)
    assert shown["name"] == "Team"
    assert shown["read_only"] is True
    provider = shown["providers"]["a"]
    assert (provider["kind"], provider["api_key"], provider["models"]) == ("openai", "********", [])
    assert f'name = "Team"  # {config}:1\n' in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_settings_are_shown_as_json_without_secrets(config: Path) -> None:
    done = run(
        "config",
        "show",
        "--json",
        "--config",
        str(config),
        IMAGEWRIGHT_PROVIDERS__A__API_KEY=SECRET,
    )
    shown = json.loads(done.stdout)
    assert shown["settings"]["providers"]["a"]["api_key"] == "********"
    assert shown["settings"]["public_url"] is None
    assert shown["from"]["name"] == f"{config}:1"
    assert "server.port" not in shown["from"]
    assert SECRET not in done.stdout + done.stderr


def test_a_command_that_is_none_of_ours() -> None:
    assert run("conifg").returncode == 2


def test_help_names_the_options() -> None:
    done = run("config", "check", "--help")
    assert done.returncode == 0
    assert "--config" in done.stdout
    assert "--env-file" in done.stdout


def test_the_command_imports_nothing_heavy_before_it_knows_what_to_run() -> None:
    heavy = "{'cyclopts', 'pydantic'} & set(sys.modules)"
    code = f"import imagewright.cli, sys; sys.exit(len({heavy}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": SRC}, timeout=60, check=False
    )
    assert done.returncode == 0
