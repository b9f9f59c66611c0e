from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imagewright.adapters.kinds import own_kinds
from imagewright.app.checking import faults_of
from imagewright.app.upstreams import offers_of, provider_config
from imagewright.core.ask import Quality
from imagewright.core.flaw import Misconfigured
from imagewright.settings import Settings, load
from imagewright.settings.loading import SettingsFault

KINDS = own_kinds()


def settings(**sections: dict[str, object]) -> Settings:
    return Settings.model_validate({"state": Path("/s"), "providers": sections})


def flaws(kind: str, **options: object) -> list[str]:
    with pytest.raises(Misconfigured) as found:
        provider_config("mine", settings(mine={"kind": kind, **options}))
    return [str(flaw) for flaw in found.value.flaws]


@pytest.mark.parametrize("kind", KINDS)
def test_every_adapter_refuses_keys_that_it_does_not_know(kind: str) -> None:
    (flaw,) = flaws(kind, nam="x")
    assert flaw == "nam: This key means nothing here. Did you mean name?"


@pytest.mark.parametrize("kind", ["nano", "../openai", "", "wire"])
def test_a_kind_that_does_not_exist(kind: str) -> None:
    (flaw,) = flaws(kind)
    assert flaw == f"kind: There is no provider of this kind. Kinds: {', '.join(KINDS)}."


def test_an_adapters_sentence_is_said() -> None:
    assert flaws("placeholder", delay=9000) == ["delay must be from 0 to 600 seconds."]
    assert flaws("placeholder", delay="x")[0].startswith("delay: Input should be a valid number")


def test_an_adapter_is_told_its_name_and_the_limit_of_a_picture() -> None:
    given = settings(mine={"kind": "openai"}, small={"kind": "openai", "picture_bytes": 7})
    made: list[Any] = [provider_config(name, given) for name in given.providers]
    mine, small = made
    assert (mine.name, mine.picture_bytes) == ("mine", 50 * 1024**2)
    assert small.picture_bytes == 7


def test_the_default_provider_is_offered_first() -> None:
    given = settings(a={"kind": "openai"}, b={"kind": "placeholder", "title": "B"})
    first, second = offers_of(given.model_copy(update={"default_provider": "b"}))
    assert (first.name, first.title, second.name) == ("b", "B", "a")


def test_words_and_defaults_of_a_provider_stand_before_those_of_all() -> None:
    given = Settings.model_validate(
        {
            "state": Path("/s"),
            "prefix": "all: ",
            "templates": {"plain": "{prompt}", "house": "All: {prompt}"},
            "defaults": {"quality": "low", "n": 2},
            "providers": {
                "a": {"kind": "openai"},
                "b": {
                    "kind": "openai",
                    "prefix": "",
                    "templates": {"house": "B: {prompt}"},
                    "defaults": {"quality": "high", "tags": "x, y"},
                    "policy": "compat",
                },
            },
        }
    )
    a, b = offers_of(given)
    assert (a.wording.prefix, b.wording.prefix) == ("all: ", "")
    assert a.wording.templates == {"plain": "{prompt}", "house": "All: {prompt}"}
    assert b.wording.templates == {"plain": "{prompt}", "house": "B: {prompt}"}
    assert a.defaults == {"quality": Quality.LOW, "n": 2}
    assert b.defaults == {"quality": Quality.HIGH, "n": 2, "tags": ("x", "y")}
    assert not any(model.seed or model.negative_prompt for model in a.models)
    assert all(model.seed and model.negative_prompt for model in b.models)


@pytest.mark.parametrize(
    "wrong",
    [
        {"templates": {"house": "nothing"}},
        {"templates": {"none": "{prompt}"}},
        {"defaults": {"size": "big"}},
        {"defaults": {"aspect_ratio": "7:5"}},
        {"defaults": {"folder": "../up"}},
        {"defaults": {"n": 11}},
        {"defaults": {"prompt": "x"}},
        {"policy": "loose"},
    ],
)
def test_words_and_defaults_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(mine={"kind": "openai", **wrong})


MODELS = """\
[providers.mine]
kind = "openai"

[[providers.mine.models]]
id = "house"
sizes = {{ listed = ["64x64"] }}
{0}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('hue = "red"', "providers.mine.models.house.hue: It is not a known key."),
        (
            'price = { per = "image", prices = { "*" = "-0.01" } }',
            "providers.mine.models.house.price.prices: It must be a decimal string",
        ),
        (
            "ends = 2027-01-01\nlifecycle = 'deprecated'",
            "providers.mine.models.house.successor: It is missing, and the model is deprecated.",
        ),
    ],
)
def test_a_table_of_the_operators_that_cannot_be_stops_the_start(
    tmp_path: Path, line: str, said: str
) -> None:
    config = tmp_path / "imagewright.toml"
    config.write_text(f'state = "{tmp_path}/state"\n' + MODELS.format(line))
    with pytest.raises(SettingsFault) as found:
        load(config=config, environ={}, check=faults_of)
    (flaw,) = found.value.flaws
    assert str(flaw).startswith(f"{config}:5: {said}")
