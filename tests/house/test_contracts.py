"""The import contracts: the list of third parties is whole, and every contract bites."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.house import locks

PYPROJECT = locks.TOP / "pyproject.toml"
TOOL = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]
CONTRACTS = TOOL["importlinter"]["contracts"]


def forbidden() -> set[str]:
    (contract,) = (each for each in CONTRACTS if each["id"] == "pure-middle")
    return set(contract["forbidden_modules"])


def importable() -> Iterator[str]:
    """Top-level names that the locked packages bring to this interpreter."""
    pinned = locks.pins("-dev")
    for name, distributions in packages_distributions().items():
        ours = any(canonicalize_name(each) in pinned for each in distributions)
        if ours and name.isidentifier() and not name.startswith("_") and find_spec(name):
            yield name


def elsewhere() -> set[str]:
    """Names of packages that other platforms or Pythons install."""
    return {name.replace("-", "_") for name, pin in locks.pins("-dev").items() if not pin.applies}


def test_every_locked_package_is_forbidden_to_the_pure_middle() -> None:
    assert sorted(set(importable()) - forbidden()) == []


def test_nothing_is_forbidden_that_nobody_could_import() -> None:
    known = {*importable(), *sys.stdlib_module_names}
    stale = forbidden() - known
    assert sorted(name for name in stale if not any(e.startswith(name) for e in elsewhere())) == []


@pytest.fixture(scope="module")
def rooms() -> list[Path]:
    """Every package of the house, as it stands."""
    src = locks.TOP / "src"
    return [path.parent.relative_to(src) for path in src.rglob("__init__.py")]


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("layers", "core/a.py", "import imagewright.ports"),
        ("layers", "ports/a.py", "import imagewright.services"),
        ("layers", "services/a.py", "import imagewright.adapters.sql"),
        ("layers", "adapters/a.py", "import imagewright.api"),
        ("layers", "api/a.py", "import imagewright.adapters.web"),
        ("layers", "api/a.py", "import imagewright.app"),
        ("layers", "app.py", "import imagewright.cli"),
        ("layers", "new_room.py", ""),
        ("pure-middle", "services/a.py", "import structlog"),
        ("pure-middle", "core/a.py", "import socket"),
        ("pure-middle", "ports/a.py", "import subprocess"),
        ("one-way-out", "adapters/providers/a.py", "import httpx"),
        ("one-way-out", "api/mcp/a.py", "from httpx2 import AsyncClient"),
        ("one-way-out", "adapters/providers/a.py", "import websockets"),
        ("providers-alone", "adapters/providers/a.py", "import imagewright.adapters.providers.b"),
        ("wire", "adapters/auth/a.py", "import imagewright.adapters.wire"),
        ("wiring", "cli/a.py", "import imagewright.adapters.sql"),
        ("acyclic", "adapters/sql/a.py", "import imagewright.adapters.blobs.a"),
    ],
)
def test_a_contract_bites(
    tmp_path: Path, rooms: list[Path], contract: str, module: str, line: str
) -> None:
    assert _broken(tmp_path, rooms, {module: line}) == {contract}


def test_the_ways_out_are_open(tmp_path: Path, rooms: list[Path]) -> None:
    ways = ("adapters/web/a.py", "adapters/auth/a.py")
    assert _broken(tmp_path, rooms, dict.fromkeys(ways, "import httpx")) == set()


def _broken(place: Path, rooms: list[Path], modules: dict[str, str]) -> set[str]:
    """The contracts that an empty house with these modules in it breaks."""
    for room in rooms:
        (place / room).mkdir(parents=True)
        (place / room / "__init__.py").touch()
    top = place / "imagewright"
    (top / "app.py").touch()
    (top / "adapters/providers/b.py").touch()
    (top / "adapters/blobs/a.py").write_text("import imagewright.adapters.sql.a")
    for module, line in modules.items():
        (top / module).write_text(line)
    lint_imports = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [lint_imports, "--no-logo", "--no-cache", "--config", PYPROJECT],
        cwd=place,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    names = {contract["name"]: contract["id"] for contract in CONTRACTS}
    broken = re.findall(r"^(.+) BROKEN", run.stdout, flags=re.MULTILINE)
    assert bool(broken) == bool(run.returncode), run.stdout + run.stderr
    return {names[name.strip()] for name in broken}
