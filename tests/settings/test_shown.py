import re
from pathlib import Path

import pytest

from imagewright.settings import Loaded
from imagewright.settings.names import leaves, variable
from imagewright.settings.sections import Settings
from imagewright.settings.shown import as_table, as_toml
from tests.settings.examples import SECRET, SRC, Toml, loaded


def test_every_setting_is_used() -> None:
    code = "\n".join(path.read_text() for path in SRC.glob("imagewright/app/*.py"))
    whole = {"defaults"} & set(re.findall(r"\.(\w+)\.given\(\)", code))
    unused = [path for path in leaves() if path[0] not in whole and f".{path[-1]}" not in code]
    assert unused == []


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
