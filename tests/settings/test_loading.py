from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.token import mint
from imagewright.settings import Loaded, SettingsFault, load
from imagewright.settings.names import leaves, variable
from imagewright.settings.sections import Settings
from imagewright.settings.shown import as_origins, as_table, as_toml

TOKEN = mint(lambda count: b"a" * count)
SECRET = "geheim-geheim-geheim-geheim"
HOME = {"HOME": "/home/someone"}


def loaded(environ: Mapping[str, str] | None = None, **more: object) -> Loaded:
    return load(environ={**HOME, **(environ or {})}, **more)  # type: ignore[arg-type]  # of load


def faults(environ: Mapping[str, str] | None = None, **more: object) -> list[str]:
    with pytest.raises(SettingsFault) as found:
        loaded(environ, **more)
    return str(found.value).splitlines()


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "imagewright.toml"
        path.write_text(text)
        path.chmod(0o640)
        return path

    return write


Toml = Callable[[str], Path]


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


def test_secrets_come_from_variables_files_credentials_and_the_toml_file(
    toml: Toml, tmp_path: Path
) -> None:
    def secret(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)

    credentials = tmp_path / "credentials"
    credentials.mkdir()
    secret("credentials/provider-b-key", "b-credential")
    secret("credentials/provider-c-key", "c-credential")
    secret("credentials/provider-my-relay-key", "relay")
    secret("credentials/unrelated", "x")
    config = toml(
        "[providers.a]\napi_key = 'a-toml'\n[providers.b]\napi_key = 'b-toml'\n"
        "[providers.c]\n[providers.d]\n[providers.e]\napi_key_file = 'e'\n"
    )
    secret("e", "e-file")
    found = loaded(
        {
            "CREDENTIALS_DIRECTORY": str(credentials),
            "IMAGEWRIGHT_PROVIDERS__C__API_KEY_FILE": secret("c", "c-file"),
            "IMAGEWRIGHT_PROVIDERS__D__API_KEY": "d-variable",
            "IMAGEWRIGHT_PROVIDERS__MY_RELAY__BASE_URL": "https://relay.example",
        },
        config=config,
    )
    keys = {name: each.options().get("api_key") for name, each in found.settings.providers.items()}
    assert keys == {
        "a": "a-toml",
        "b": "b-credential",
        "c": "c-file",
        "d": "d-variable",
        "e": "e-file",
        "my-relay": "relay",
    }
    assert found.settings.providers["my-relay"].kind == "my-relay"
    assert found.settings.providers["my-relay"].options()["base_url"] == "https://relay.example"


def test_the_short_names_of_a_single_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    rest = {"IMAGEWRIGHT_TOKEN_SUBJECT": "user:a", "IMAGEWRIGHT_AUTH__ACL_PATH": "/acl.toml"}
    for name, value in (("IMAGEWRIGHT_TOKEN", TOKEN), ("IMAGEWRIGHT_TOKEN_FILE", str(file))):
        auth = loaded({name: value, **rest}).settings.auth
        assert auth.token is not None
        assert auth.token.get_secret_value() == TOKEN
        assert auth.token_subject == "user:a"
    assert any(
        "is set too" in line
        for line in faults({"IMAGEWRIGHT_TOKEN": TOKEN, "IMAGEWRIGHT_AUTH__TOKEN": TOKEN, **rest})
    )


def test_a_secret_and_its_file_are_not_set_together(toml: Toml, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x")
    key.chmod(0o600)
    environ = {
        "IMAGEWRIGHT_PROVIDERS__A__API_KEY": "x",
        "IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key),
    }
    assert "The variable and its _FILE are both set." in faults(environ)[0]
    for text in ("api_key = 'x'\napi_key_file = 'key'", "api_key_file = 'key'\napi_key = 'x'"):
        assert "both set" in faults(config=toml(f"[providers.a]\n{text}"))[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "does not hold one line"), ("a\nb", "does not hold one line"), ("\xff", "one line")],
)
def test_secret_files_hold_one_line(tmp_path: Path, content: str, said: str) -> None:
    key = tmp_path / "key"
    key.write_bytes(content.encode("latin-1"))
    key.chmod(0o600)
    lines = faults({"IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key)})
    assert len(lines) == 1
    assert said in lines[0]


def test_a_secret_file_that_others_read_is_warned_of_but_not_a_credential(tmp_path: Path) -> None:
    key = tmp_path / "provider-a-key"
    key.write_text("x")
    key.chmod(0o644)
    found = loaded({"IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key)})
    assert [flaw.sentence for flaw in found.warnings] == ["Others can read this secret."]
    assert loaded({"CREDENTIALS_DIRECTORY": str(tmp_path)}).warnings == ()
    key.chmod(0o666)
    assert "Everybody may write" in faults({"IMAGEWRIGHT_PROVIDERS__A__API_KEY_FILE": str(key)})[0]
    assert "No such file" in faults({"IMAGEWRIGHT_DATABASE__URL_FILE": str(tmp_path / "none")})[0]


def test_secrets_in_an_open_toml_file_are_refused(toml: Toml) -> None:
    path = toml("[providers.a]\napi_key = 'x'\n")
    path.chmod(0o644)
    assert f"{path}:2: providers.a.api_key: A secret stands in a file" in faults(config=path)[0]


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
            "authentication is set. Set auth.tokens_path or auth.token, or listen on 127.0.0.1"
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
        ("PAID_PROVIDERS", "openai", "One of these is no configured provider."),
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


def test_what_a_lost_file_may_say_is_not_guessed_at(toml: Toml) -> None:
    assert len(faults({"IMAGEWRIGHT_SERVER__HOST": "192.0.2.1"}, config=toml("[auth"))) == 1


def test_providers_are_made_by_the_hook(toml: Toml) -> None:
    config = toml(
        "[providers.a]\nkind = 'fake'\napi_key = 'k'\nspeed = 3\nheaders = { X = 'y' }\n"
        "[[providers.a.models]]\nid = 'm'\n[providers.b]\nspeed = 9\n[providers.c]\n"
    )

    def make(kind: str, options: Mapping[str, object]) -> object:
        if options.get("speed") == 9:
            raise Misconfigured([Flaw(place="", key="speed", sentence="Too fast.", hint="Slow.")])
        if kind == "c":
            raise Misconfigured([Flaw(place="", key="", sentence="No such adapter.")])
        return kind, dict(options)

    assert faults(config=config, provider_config=make) == [
        f"{config}:9: providers.b.speed: Too fast. Slow.",
        f"{config}:10: providers.c: No such adapter.",
    ]
    found = loaded(config=config, provider_config=lambda kind, options: (kind, dict(options)))
    assert found.providers["a"] == (
        "fake",
        {"name": "a", "api_key": "k", "speed": 3, "headers": {"X": "y"}, "models": [{"id": "m"}]},
    )
    assert "'k'" not in repr(found)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded().settings.name = "x"


def test_every_setting_is_described_and_has_a_variable_of_its_own() -> None:
    def undescribed(model: object) -> list[str]:
        fields = getattr(model, "model_fields", {})
        return [
            name
            for name, field in fields.items()
            if not (field.description or hasattr(field.annotation, "model_fields"))
        ] + [name for field in fields.values() for name in undescribed(field.annotation)]

    assert undescribed(Settings) == []
    assert len({variable(path) for path in leaves()}) == len(leaves())


def secretive(toml: Toml) -> Loaded:
    config = toml(
        f"[providers.a]\napi_key = '{SECRET}'\nsecret_key = '{SECRET}'\n"
        f"headers = {{ Authorization = '{SECRET}', X = {{ y = '{SECRET}' }} }}\n"
        f"old_keys = ['{SECRET}']\nspeed = 1\n[[providers.a.models]]\nid = 'm'\n"
    )
    return loaded(
        {
            "IMAGEWRIGHT_TOKEN": SECRET,
            "IMAGEWRIGHT_TOKEN_SUBJECT": "user:a",
            "IMAGEWRIGHT_AUTH__ACL_PATH": "/acl.toml",
            "IMAGEWRIGHT_DATABASE__URL": f"postgresql://u:{SECRET}@h/d",
        },
        config=config,
    )


def test_secrets_are_never_shown(toml: Toml) -> None:
    found = secretive(toml)
    for text in (repr(found), str(found.settings), as_toml(found), str(as_table(found))):
        assert SECRET not in text
    assert as_toml(found).count('"********"') == 7


def test_what_is_shown_is_toml_and_reads_back(toml: Toml, tmp_path: Path) -> None:
    found = loaded(
        {"IMAGEWRIGHT_SERVER__ALLOWED_HOSTS": "a.example,b.example"},
        config=toml("[providers.a]\nspeed = 1\n[[providers.a.models]]\nid = 'm'\n"),
    )
    again = tmp_path / "again.toml"
    again.write_text(as_toml(found))
    assert as_table(loaded(config=again)) == as_table(found)


def outcome(environ: Mapping[str, str] | None = None, config: Path | None = None) -> str:
    try:
        loaded(environ, config=config)
    except SettingsFault as fault:
        return str(fault)
    return ""


JUNK_KEYS = st.sampled_from(
    [variable(path) for path in sorted(leaves())]
    + [
        f"IMAGEWRIGHT_{name}"
        for name in ("", "_", "__", "X", "TOKEN_FILE", "PROVIDERS__A__API_KEY")
    ]
    + ["IMAGEWRIGHT_PROVIDERS__A__BASE_URL", "IMAGEWRIGHT_AUTH__TOKEN_FILE", "XDG_STATE_HOME"]
)
JUNK_VALUES = st.text(max_size=12) | st.sampled_from(
    [
        SECRET,
        f"https://u:{SECRET}@h",
        "-1",
        "1e3",
        "NaN",
        "192.0.2.1",
        "\udcff",
        "[",
        "{}",
        "~/",
        "/",
    ]
)


@given(st.dictionaries(JUNK_KEYS, JUNK_VALUES, max_size=6))
def test_no_environment_raises_anything_else_or_shows_a_value(environ: dict[str, str]) -> None:
    # The path of a secret's file is said, and is no secret.
    quoted = any(name.endswith("_FILE") and SECRET in value for name, value in environ.items())
    assert quoted or SECRET not in outcome(environ)


SCALARS = (
    st.booleans()
    | st.integers(-(2**62), 2**62).map(str)
    | st.floats().map(repr)
    | st.sampled_from([f'"{SECRET}"', "[]", "{}", '"1"', "2027-01-01", '["a", 1]', '{ a = "b" }'])
)


@given(
    st.dictionaries(
        st.sampled_from(
            [".".join(path) for path in sorted(leaves())] + ["providers.a.x", "x", "server"]
        ),
        SCALARS.map(lambda value: str(value).lower() if isinstance(value, bool) else value),
        max_size=6,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_raises_anything_else_or_shows_a_value(toml: Toml, lines: dict[str, str]) -> None:
    config = toml("\n".join(f"{key} = {value}" for key, value in lines.items()))
    assert SECRET not in outcome(config=config)


@given(st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_in_a_file_raises_anything_else(toml: Toml, text: str) -> None:
    config = toml("")
    config.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome(config=config)
