import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import locks

PROJECT = tomllib.loads((locks.TOP / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = [*PROJECT["project"]["dependencies"]]
POSTGRES = PROJECT["project"]["optional-dependencies"]["postgres"]
VALKEY = PROJECT["project"]["optional-dependencies"]["valkey"]
GROUPS = PROJECT["dependency-groups"]


@pytest.mark.parametrize("name", locks.SETS)
def test_a_lock_holds_exact_pins_with_hashes(name: str) -> None:
    for pin in locks.pins(name).values():
        (specifier,) = Requirement(pin.line).specifier
        assert specifier.operator == "=="
        assert pin.hashes
        assert all(digest.startswith("sha256:") for digest in pin.hashes)


@pytest.mark.parametrize("name", locks.SETS)
def test_a_lock_carries_no_address_and_no_option(name: str) -> None:
    text = locks.path(name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "#" not in text
    assert " @ " not in text
    assert not any(line.startswith("-") for line in text.splitlines())


@pytest.mark.parametrize("name", ["", "-build", "-extras"])
def test_what_is_shipped_is_what_is_tested(name: str) -> None:
    tested = locks.pins("-dev")
    for pin in locks.pins(name).values():
        assert tested[pin.name].line.split(";")[0] == pin.line.split(";")[0]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("", SHIPPED),
        ("-extras", SHIPPED + POSTGRES + VALKEY),
        ("-build", GROUPS["build"]),
        ("-relay", GROUPS["relay"]),
        ("-release", GROUPS["release"]),
        ("-dev", SHIPPED + POSTGRES + VALKEY + GROUPS["build"] + GROUPS["dev"]),
    ],
)
def test_a_lock_fits_the_project(name: str, wanted: list[str]) -> None:
    pinned = locks.pins(name)
    for requirement in map(Requirement, wanted):
        (specifier,) = Requirement(pinned[canonicalize_name(requirement.name)].line).specifier
        assert requirement.specifier.contains(specifier.version, prereleases=True)
