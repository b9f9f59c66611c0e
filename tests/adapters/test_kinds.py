"""Kinds of providers from packages that are really installed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.kinds import (
    KindError,
    data_of,
    module_of,
    own_kinds,
    packaged_kinds,
)
from imagewright.app.upstreams import provider_config, providers_of
from imagewright.core.flaw import Misconfigured
from imagewright.settings import Settings
from tests.fakes.orders import Watched, order, parts
from tests.fakes.packages import Package, install

CODE = """\
from dataclasses import dataclass

from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Made


@dataclass(frozen=True, kw_only=True)
class Config:
    name: str
    word: str = "x"


def build(config, parts):
    return Easel(config)


class Easel:
    def __init__(self, config):
        self.config = config

    async def generate(self, order, watch):
        made = Made(data=self.config.word.encode())
        return Delivery(pictures=(made,), usage=Usage(pictures=1))

    edit = generate

    async def close(self):
        pass
"""
DATA = """\
title = "Easel"

[models.oil]
sizes = { listed = ["64x64"] }
price = { per = "image", prices = { "*" = "0.01" } }
"""
SAID = "RuntimeError: no paint, no brush "
RUINED = 'raise RuntimeError("no paint,\\nno brush " + "!" * 999)\n'


def package(kind: str, *, value: str = "{0}.{1}", code: str = CODE, data: str = DATA) -> Package:
    """The distribution `easel-<kind>` whose module `<kind>` stands in the package `easel_<kind>`.

    In `value` the two are {0} and {1}.
    """
    home = f"easel_{kind}"
    files = {f"{home}/__init__.py": "", f"{home}/{kind}.py": code, f"{home}/{kind}.toml": data}
    return Package(
        name=f"easel-{kind}",
        entry=f'{kind} = "{value.format(home, kind)}"',
        files={path: text for path, text in files.items() if text or path.endswith("__init__.py")},
    )


PACKAGES = (
    package("easel"),
    package("openai", code=RUINED),
    package("ruined", code=RUINED),
    package("gone", value="{0}.not_there"),
    package("empty", code="x = 1"),
    package("unnamed", code=CODE.replace("    name: str\n", "")),
    package("inner", value="{0}.{1}:build"),
    package("mute", data=""),
    package("wrong", data=DATA.replace('"0.01"', '"-1"') + "colour = 1\nlifecycle = 'ended'\n"),
    package("first", value="{0}.{1}"),
    Package(name="easel-other", entry='first = "other"', files={"other.py": CODE}),
    Package(name="easel-lone", entry='lone = "lone"', files={"lone.py": CODE, "lone.toml": DATA}),
    Package(name="easel-path", entry='"../up" = "lone2"', files={"lone2.py": RUINED}),
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = tmp_path_factory.mktemp("sources")
    target = tmp_path_factory.mktemp("site")
    return install([each.write(sources) for each in PACKAGES], target)


@pytest.fixture
def site(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(installed)
    yield installed
    for name in imported():
        del sys.modules[name]


def imported() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in {"lone", "other", *HOMES}]


HOMES = {f"easel_{each.name.removeprefix('easel-')}" for each in PACKAGES}


def settings(kind: str, **more: object) -> Settings:
    return Settings.model_validate(
        {"state": Path("/s"), "providers": {"mine": {"kind": kind, **more}}}
    )


def said(kind: str) -> str:
    with pytest.raises(Misconfigured) as found:
        provider_config("mine", settings(kind))
    (flaw,) = found.value.flaws
    assert flaw.key == "kind"
    return str(flaw)


async def test_a_package_is_a_provider_where_it_is_named(site: Path) -> None:
    (provider,) = providers_of(settings("easel", word="blue"), parts()).values()
    delivery = await provider.generate(order(), Watched())
    assert [each.data for each in delivery.pictures] == [b"blue"]
    offer = read_offer("mine", "easel")
    assert (offer.title, [each.id for each in offer.models]) == ("Easel", ["oil"])


async def test_a_package_that_is_not_named_is_not_imported(site: Path) -> None:
    assert "easel" in packaged_kinds()
    provider_config("mine", settings("placeholder"))
    with pytest.raises(Misconfigured):
        provider_config("mine", settings("no_such"))
    assert not imported()


def test_no_package_takes_the_place_of_ours(site: Path) -> None:
    assert module_of("openai").__name__ == "imagewright.adapters.providers.openai"
    assert "gpt-image" in data_of("openai").read_text("utf-8")
    assert "openai" not in packaged_kinds()
    assert not imported()


def test_kinds_of_packages_are_named_beside_ours(site: Path) -> None:
    text = said("no_such")
    assert text.startswith("kind: There is no provider of this kind. Kinds: ")
    told = text.removesuffix(".").partition("Kinds: ")[2].split(", ")
    assert {*own_kinds(), "easel", "ruined"} <= {*told}
    assert "/" not in text


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("ruined", f"cannot be imported: {SAID}{'!' * (200 - len(SAID))}."),
        (
            "gone",
            "cannot be imported: ModuleNotFoundError: No module named 'easel_gone.not_there'.",
        ),
        ("empty", "has no build, or no dataclass Config with a name."),
        ("unnamed", "has no build, or no dataclass Config with a name."),
        ("inner", "names something that is no module."),
        ("mute", "has no mute.toml beside its module."),
        ("lone", "is a module outside of any package."),
    ],
)
def test_a_package_that_cannot_be_used_is_one_fault(site: Path, kind: str, what: str) -> None:
    assert said(kind).startswith(f"kind: The package easel-{kind}, which has this kind, {what}")


def test_two_packages_with_one_kind_are_told_apart_by_nobody(site: Path) -> None:
    assert "Several packages have this kind: easel-first, easel-other." in said("first")
    assert not imported()


@pytest.mark.parametrize("kind", ["../up", "../easel", "easel/x", ""])
def test_a_kind_that_is_no_name_is_none(site: Path, kind: str) -> None:
    with pytest.raises(KindError, match="no provider of this kind"):
        data_of(kind)
    assert not imported()


@pytest.mark.slow
def test_the_program_lists_what_a_package_offers_and_names_its_faults(
    installed: Path, tmp_path: Path
) -> None:
    def listed(kind: str) -> "subprocess.CompletedProcess[str]":
        config = tmp_path / "imagewright.toml"
        config.write_text(f'state = "{tmp_path}/state"\n[providers.mine]\nkind = "{kind}"\n')
        command = (sys.executable, "-m", "imagewright", "providers", "list", "--json")
        return subprocess.run(
            [*command, "--config", str(config)],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={"PYTHONPATH": str(installed), "HOME": "/nonexistent"},
            text=True,
            timeout=60,
        )

    good = json.loads(listed("easel").stdout)
    assert [model["id"] for each in good["providers"] for model in each["models"]] == ["oil"]
    for kind, place, faults in (
        ("ruined", "imagewright.toml", ["The package easel-ruined, which"]),
        ("wrong", "wrong.toml", ["prices", "colour", "successor", "ends"]),
    ):
        done = listed(kind)
        assert done.returncode != 0
        lines = [line for line in done.stderr.splitlines() if place in line]
        assert len(lines) == len(faults), done.stderr
        assert all(fault in done.stderr for fault in faults)
