import configparser
import json
import shlex
import stat
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from imagewright.app.checking import faults_of
from imagewright.app.setup.answers import Answers, provider_kinds
from imagewright.app.setup.files import write
from imagewright.app.setup.forms import Form, notes, printed
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Misconfigured
from imagewright.core.token import is_whole
from imagewright.settings import load

KEY = "sk-a-key-of-the-operators"


def answers(directory: Path, **more: Any) -> Answers:
    given = {"directory": directory, "state": directory / "state", "subject": "user:alice"}
    return Answers(**{**given, **more})


def paid(directory: Path, **more: Any) -> Answers:
    key = directory / "openai.key"
    return answers(directory, provider="openai", key_file=key, budget="20", **more)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"subject": "alice"}, "user:<id>"),
        ({"subject": "local"}, "no token"),
        ({"provider": "dalle"}, "no provider"),
        ({"port": 0}, "1 to 65535"),
        ({"port": 65_536}, "1 to 65535"),
        ({"public_url": "http://images.example.com"}, "https"),
        ({"public_url": "images"}, "https"),
        ({"budget": "many"}, ""),
        ({"provider": "openai"}, "needs a key"),
        ({"provider": "openai", "key_file": Path("/k")}, "costs money"),
    ],
)
def test_answers_that_are_not_good(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as fault:
        answers(tmp_path, **wrong)
    assert said in fault.value.sentence + fault.value.hint


def test_every_provider_is_offered_the_free_one_first() -> None:
    assert provider_kinds()[0] == "placeholder"
    assert "openai" in provider_kinds()


@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_written_is_good_and_private(tmp_path: Path, read_only: bool) -> None:
    given = paid(tmp_path / "new" / "deep", public_url="https://i.example.com", read_only=read_only)
    made = write(given, KEY)
    assert is_whole(made.token)
    written = sorted(each.name for each in given.directory.iterdir())
    assert written == ["acl.toml", "imagewright.toml", "openai.key", "tokens.toml"]
    for file in given.directory.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert made.token not in file.read_text()
        assert (KEY in file.read_text()) == (file.name == "openai.key")
    loaded = load(config=given.config, environ={}, check=faults_of)
    assert loaded.warnings == ()
    settings = loaded.settings
    assert (settings.read_only, settings.public_url) == (read_only, "https://i.example.com")
    assert settings.state == given.state
    acl = tomllib.loads((given.directory / "acl.toml").read_text())
    assert acl == {"subjects": {"user:alice": ["*"]}, "everyone": {"budget": {"month": "20"}}}


@pytest.mark.parametrize("name", ["acl.toml", "tokens.toml", "imagewright.toml", "openai.key"])
@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_that_stands_there_is_touched(tmp_path: Path, name: str, dangling: bool) -> None:
    there = tmp_path / name
    if dangling:
        there.symlink_to(tmp_path / "elsewhere")
    else:
        there.write_text("mine")
    with pytest.raises(InvalidRequest, match=name):
        write(paid(tmp_path), KEY)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert dangling or there.read_text() == "mine"


def test_a_file_of_comments_alone_makes_room(tmp_path: Path) -> None:
    given = answers(tmp_path)
    given.config.write_text("# Settings\n\n  #read_only = false\n")
    write(given)
    assert tomllib.loads(given.config.read_text())["state"] == str(given.state)


def test_a_file_of_comments_alone_comes_back_where_the_rest_cannot_be(tmp_path: Path) -> None:
    given = paid(tmp_path)
    given.config.write_text("# Settings\n")
    with pytest.raises(Misconfigured, match=r"openai\.key"):
        write(given)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["# Settings\n"]


def test_what_turns_out_bad_is_taken_away(tmp_path: Path) -> None:
    given = paid(tmp_path / "new")
    with pytest.raises(Misconfigured, match=r"openai\.key"):
        write(given)
    assert list(given.directory.iterdir()) == []


def test_of_several_at_once_one_writes(tmp_path: Path) -> None:
    given = answers(tmp_path / "new")

    def attempt(_: int) -> str | None:
        try:
            return write(given).id
        except (InvalidRequest, FileExistsError):
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [id for id in pool.map(attempt, range(16)) if id is not None]
    assert len(made) == 1
    tokens = tomllib.loads((given.directory / "tokens.toml").read_text())["tokens"]
    assert list(tokens) == made
    assert load(config=given.config, environ={}, check=faults_of).warnings == ()


def both(directory: Path) -> list[Answers]:
    return [
        answers(directory),
        paid(directory / 'it\'s "100%" $HOME', public_url="https://i.example.com", read_only=True),
    ]


def test_the_toml_form_is_what_is_written(tmp_path: Path) -> None:
    for given in both(tmp_path):
        write(given, KEY if given.key_file else None)
        assert printed(Form.TOML, given) == given.config.read_text()


def test_the_variables_say_what_the_file_says(tmp_path: Path) -> None:
    for given in both(tmp_path):
        write(given, KEY if given.key_file else None)
        env = tmp_path / "env"
        env.write_text(printed(Form.ENV, given))
        env.chmod(0o600)
        from_file = load(config=given.config, environ={}).settings
        assert load(env_file=env, environ={}, check=faults_of).settings == from_file


def test_a_client_gets_the_address_and_a_place_for_the_token(tmp_path: Path) -> None:
    local, public = (json.loads(printed(Form.MCP_JSON, each)) for each in both(tmp_path))
    server = local["mcpServers"]["imagewright"]
    assert server["url"] == "http://127.0.0.1:8787/mcp"
    assert server["headers"] == {"Authorization": "Bearer ${IMAGEWRIGHT_TOKEN}"}
    assert public["mcpServers"]["imagewright"]["url"] == "https://i.example.com/mcp"


def test_the_docker_command_is_one_command(tmp_path: Path) -> None:
    for given in both(tmp_path):
        text = printed(Form.DOCKER, given)
        words = shlex.split(text.replace("\\\n", " "))
        assert words[:2] == ["docker", "run"]
        assert words[-2:] == ["imagewright", "serve"]
        assert f"{given.directory}:/etc/imagewright:ro" in words
        assert "127.0.0.1:8787:8787" in words


def linted(text: str) -> tuple[int, str]:
    """What ShellCheck says of a command of the plain shell, hints of style among it."""
    command = [
        str(Path(sys.executable).with_name("shellcheck")),
        "--shell=sh",
        "--severity=style",
        "-",
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_nothing_is_found_wrong_with_the_docker_command(tmp_path: Path) -> None:
    elsewhere = {"provider": "openai", "budget": "1", "key_file": tmp_path / "a $key"}
    for given in (*both(tmp_path), answers(tmp_path / "a b", **elsewhere)):
        assert linted(printed(Form.DOCKER, given)) == (0, "")
    bare = printed(Form.DOCKER, both(tmp_path)[1]).replace("--volume '", "--volume $HOME'")
    assert "SC2086" in linted(bare)[1]


def test_what_the_compose_file_names_is_there(tmp_path: Path) -> None:
    for given in both(tmp_path):
        read = yaml.safe_load(printed(Form.COMPOSE, given))
        assert set(read) == {"services", "volumes"}
        service = read["services"]["imagewright"]
        assert service["command"] == ["serve"]
        assert service["ports"] == ["127.0.0.1:8787:8787"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        ours, named = (each.replace("$$", "$") for each in service["volumes"])
        assert ours == f"{given.directory}:/etc/imagewright:ro"
        name, _, inside = named.partition(":")
        assert list(read["volumes"]) == [name]
        assert service["environment"]["IMAGEWRIGHT_STATE"] == inside


def test_a_key_that_stands_elsewhere_is_mounted_too(tmp_path: Path) -> None:
    given = answers(tmp_path, provider="openai", budget="1", key_file=Path("/run/a key"))
    words = shlex.split(printed(Form.DOCKER, given).replace("\\\n", " "))
    assert "/run/a key:/run/a key:ro" in words
    assert '- "/run/a key:/run/a key:ro"\n' in printed(Form.COMPOSE, given)


def test_the_compose_file_is_hardened_as_the_one_of_the_repository(tmp_path: Path) -> None:
    ours = (Path(__file__).parents[2] / "deploy/compose/compose.yaml").read_text().splitlines()
    kept = ("read_only", "cap_drop", "security_opt", "pids_limit", "mem_limit", "tmpfs", "stop_g")
    text = printed(Form.COMPOSE, answers(tmp_path))
    for line in ours:
        if line.strip().startswith(kept):
            assert line.partition(" #")[0].rstrip() in text
    assert f'- "{tmp_path}:/etc/imagewright:ro"\n' in text
    odd = printed(Form.COMPOSE, answers(tmp_path / '$HOME "x"'))
    assert f'- "{tmp_path}/$$HOME \\"x\\":/etc/imagewright:ro"\n' in odd


@pytest.mark.parametrize("state", ["/var/lib/imagewright", "/srv/a b%"])
def test_the_unit_is_one(tmp_path: Path, state: str) -> None:
    given = answers(tmp_path / "a $b%", state=Path(state))
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way
    unit.read_string(printed(Form.SYSTEMD, given))
    service = unit["Service"]
    words = shlex.split(service["ExecStart"].replace("$$", "$").replace("%%", "%"))
    assert words[-3:] == ["serve", "--config", str(given.config)]
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    if state == "/var/lib/imagewright":
        assert service["StateDirectory"] == "imagewright"
    else:
        assert service["ReadWritePaths"] == '"/srv/a b%%"'


@pytest.mark.parametrize("form", Form)
def test_every_form_says_where_the_secrets_are_and_holds_none(tmp_path: Path, form: Form) -> None:
    given = paid(tmp_path)
    told = "\n".join(notes(form, given))
    assert "No file was written" in told
    assert "IMAGEWRIGHT_TOKEN" in told or ("tokens.toml" in told and "openai.key" in told)
    assert "iw_" not in printed(form, given) + told
    assert list(tmp_path.iterdir()) == []
