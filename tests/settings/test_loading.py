from pathlib import Path

import pytest

from imagewright.settings import Clash, SettingsFault, load
from imagewright.settings.sections import Settings
from imagewright.settings.shown import as_origins
from tests.settings.examples import SECRET, Toml, faults, loaded


def test_the_defaults_are_safe() -> None:
    found = loaded()
    assert found.settings.read_only
    assert found.settings.server.host == "127.0.0.1"
    assert found.settings.metrics.port is None
    assert not found.settings.auth.configured
    assert found.settings.state == Path("/home/someone/.local/state/imagewright")
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("environ", "state"),
    [
        (
            {"STATE_DIRECTORY": "/var/lib/imagewright:/b", "XDG_STATE_HOME": "/x"},
            "/var/lib/imagewright",
        ),
        ({"XDG_STATE_HOME": "/x"}, "/x/imagewright"),
        ({"XDG_STATE_HOME": "relative"}, "/home/someone/.local/state/imagewright"),
        ({"IMAGEWRIGHT_STATE": "~/iw", "STATE_DIRECTORY": "/v"}, "/home/someone/iw"),
    ],
)
def test_where_the_state_is_kept(environ: dict[str, str], state: str) -> None:
    assert loaded(environ).settings.state == Path(state)


def test_without_a_home_the_state_must_be_set() -> None:
    with pytest.raises(SettingsFault, match="state: There is no home directory"):
        load(environ={})
    assert load(environ={"IMAGEWRIGHT_STATE": "/s"}).settings.state == Path("/s")


def test_each_source_wins_over_those_below_it(toml: Toml, tmp_path: Path) -> None:
    config = toml("[server]\nport = 1\n[limits]\nprompt = 1\nedge = 4097\nframes = 1\nqueue = 11\n")
    env_file = tmp_path / "env"
    env_file.write_text(
        "IMAGEWRIGHT_SERVER__PORT=2\nIMAGEWRIGHT_LIMITS__PROMPT=2\nIMAGEWRIGHT_LIMITS__EDGE=4098\n"
    )
    env_file.chmod(0o600)
    environ = {"IMAGEWRIGHT_SERVER__PORT": "3", "IMAGEWRIGHT_LIMITS__PROMPT": "3"}
    found = loaded(
        environ, config=config, env_file=env_file, explicit={"server.port": 4, "limits.wait": None}
    )
    limits = found.settings.limits
    assert (found.settings.server.port, limits.prompt, limits.edge, limits.frames) == (
        4,
        3,
        4098,
        1,
    )
    assert limits.wait == 40
    origins = as_origins(found)
    assert origins["server.port"] == "command line"
    assert origins["limits.prompt"] == "environment variable IMAGEWRIGHT_LIMITS__PROMPT"
    assert origins["limits.edge"] == f"{env_file}:3"
    assert origins["limits.frames"] == f"{config}:6"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_an_env_file_is_private(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "env"
    path.write_text("")
    path.chmod(mode)
    assert "chmod 0600" in faults(env_file=path)[0]


def test_an_env_files_lines(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text(
        '# comment\n\nexport IMAGEWRIGHT_NAME="Team\'s"\nOTHER=1\n'
        "IMAGEWRIGHT_INSTRUCTIONS='a b'\nIMAGEWRIGHT_TIME_ZONE=Europe/Berlin\n"
        "IMAGEWRIGHT_READ_ONLY=\n"
    )
    path.chmod(0o600)
    found = loaded(env_file=path).settings
    assert (found.name, found.instructions, found.time_zone) == ("Team's", "a b", "Europe/Berlin")
    assert found.read_only
    path.write_text(f"{SECRET}\nIMAGEWRIGHT_NAM=x\n")
    assert faults(env_file=path) == [
        f"{path}:1: The line is not NAME=value.",
        f"{path}:2: IMAGEWRIGHT_NAM: No setting has this name. Did you mean IMAGEWRIGHT_NAME?",
    ]
    path.write_bytes(b"\xff")
    assert "UTF-8" in faults(env_file=path)[0]
    assert "No such file" in faults(env_file=tmp_path / "none")[0]


def test_dot_env_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("IMAGEWRIGHT_NAME=x\n")
    monkeypatch.chdir(tmp_path)
    assert loaded().settings.name == "Imagewright"


def test_the_configuration_file_is_named_by_argument_or_variable(
    toml: Toml, tmp_path: Path
) -> None:
    config = toml('name = "File"')
    assert loaded({"IMAGEWRIGHT_CONFIG": str(config)}).settings.name == "File"
    assert loaded({"IMAGEWRIGHT_CONFIG": "/none"}, config=config).settings.name == "File"
    assert "cannot be opened" in faults({"IMAGEWRIGHT_CONFIG": "/none.toml"})[0]


def test_paths_are_taken_from_where_they_are_written(toml: Toml, tmp_path: Path) -> None:
    config = toml('state = "kept"\n[auth]\nacl_path = "acl.toml"\ntokens_path = "~/tokens.toml"\n')
    found = loaded(config=config).settings
    assert found.state == tmp_path / "kept"
    assert found.auth.acl_path == tmp_path / "acl.toml"
    assert found.auth.tokens_path == Path("/home/someone/tokens.toml")


def test_what_a_lost_file_may_say_is_not_guessed_at(toml: Toml) -> None:
    assert len(faults({"IMAGEWRIGHT_SERVER__HOST": "192.0.2.1"}, config=toml("[auth"))) == 1


def test_a_check_of_the_callers_is_reported_with_the_rest(toml: Toml) -> None:
    config = toml(
        "time_zone = 'Mars'\n[providers.a]\nspeed = 3\n[providers.b]\nkind = 1\n[providers.c]\n"
    )
    seen: list[Settings] = []

    def check(settings: Settings) -> list[Clash]:
        seen.append(settings)
        return [
            Clash((("providers", "a", "speed"),), "Too fast.", "Slow."),
            Clash((("providers", "b", "kind"),), "Not told, for it is wrong in itself."),
            Clash((("providers", "c"),), "No such adapter."),
            Clash((("auth", "acl_path"),), "Said elsewhere.", place="acl.toml:3", key="groups.g"),
        ]

    assert faults(config=config, check=check) == [
        f"{config}:1: time_zone: No such time zone. Write it like Europe/Berlin",
        f"{config}:5: providers.b.kind: This must be a text in double quotes.",
        f"{config}:3: providers.a.speed: Too fast. Slow.",
        f"{config}:6: providers.c: No such adapter.",
        "acl.toml:3: groups.g: Said elsewhere.",
    ]
    assert seen[0].time_zone == "UTC"


def test_an_adapter_gets_its_options_in_clear_text(toml: Toml) -> None:
    found = loaded(
        config=toml(
            "[providers.a]\nkind = 'fake'\napi_key = 'k'\nspeed = 3\nheaders = { X = 'y' }\n"
            "models = ['n', { id = 'm' }]\n"
        )
    )
    section = found.settings.providers["a"]
    assert (section.kind, section.options()) == (
        "fake",
        {"api_key": "k", "speed": 3, "headers": {"X": "y"}, "models": ["n", {"id": "m"}]},
    )
    assert "'k'" not in repr(found)


def test_a_warning_of_a_check_stops_nothing() -> None:
    odd = Clash((("name",),), "An odd name.", warning=True)
    assert [flaw.key for flaw in loaded(check=lambda _: [odd]).warnings] == ["name"]


def test_only_load_reads_the_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("name", "x")
    monkeypatch.setenv("IMAGEWRIGHT_NAME", "x")
    assert Settings(state=Path("/s")).name == "Imagewright"
