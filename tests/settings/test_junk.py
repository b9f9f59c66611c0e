from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagewright.settings import SettingsFault
from imagewright.settings.names import leaves, variable
from tests.settings.examples import SECRET, Toml, loaded


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
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
def test_no_file_raises_anything_else_or_shows_a_value(toml: Toml, lines: dict[str, str]) -> None:
    config = toml("\n".join(f"{key} = {value}" for key, value in lines.items()))
    assert SECRET not in outcome(config=config)


@given(st.text(max_size=60))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
def test_no_text_in_a_file_raises_anything_else(toml: Toml, text: str) -> None:
    config = toml("")
    config.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome(config=config)
