"""One version, a changelog with Security first, and a workflow that runs what CI runs."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from imagewright import __version__
from imagewright.adapters.clock import YEAR
from tests.house import locks

WORKFLOW: Any = yaml.safe_load((locks.TOP / ".github/workflows/release.yml").read_text("utf-8"))

_PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("packaging/version.sh", "src/imagewright/__init__.py", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(locks.TOP / name, tmp_path / name)
    return tmp_path


def told(tree: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(tree / "packaging/version.sh"), *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_version_stands_in_one_place(tree: Path) -> None:
    assert told(tree) == (0, f"{__version__}\n")
    (tree / "src/imagewright/__init__.py").write_text('__version__ = "1.2.3"\n')
    assert told(tree) == (0, "1.2.3\n")
    (tree / "src/imagewright/__init__.py").write_text("__version__ = what()\n")
    assert told(tree)[0] == 1


def test_a_tag_is_the_version_and_has_its_changes(tree: Path) -> None:
    assert told(tree, "v9.9.9") == (1, f"version: the tag is v9.9.9, the program {__version__}\n")
    code, words = told(tree, f"v{__version__}")
    assert (code, "has no section" in words) == (1, True)
    log = tree / "CHANGELOG.md"
    log.write_text(log.read_text().replace("[Unreleased]", f"[{__version__}] - 2026-12-01"))
    assert told(tree, f"v{__version__}") == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("headings", "code"),
    [(("Security", "Added"), 0), (("Added", "Fixed"), 0), (("Added", "Security"), 1)],
)
def test_security_stands_first(tree: Path, headings: tuple[str, ...], code: int) -> None:
    text = "# Changelog\n\n## [1.0.0]\n\n" + "".join(f"### {each}\n\n- x\n\n" for each in headings)
    (tree / "CHANGELOG.md").write_text(text * 2)
    assert told(tree)[0] == code


def test_the_clock_is_held_to_the_year_of_the_newest_version() -> None:
    log = (locks.TOP / "CHANGELOG.md").read_text("utf-8")
    years = re.findall(r"^## \[[^\]]+\] - (\d{4})-\d\d-\d\d$", log, re.MULTILINE)
    assert max(map(int, years), default=0) <= YEAR <= datetime.now(UTC).year


def test_the_workflow_runs_every_python_that_is_declared() -> None:
    declared = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', pyproject())
    assert WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"] == declared


def pyproject() -> str:
    return (locks.TOP / "pyproject.toml").read_text("utf-8")


def test_the_workflow_runs_targets_that_there_are() -> None:
    makefile = (locks.TOP / "Makefile").read_text("utf-8")
    runs = [step.get("run", "") for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    wanted = {
        word for line in runs if line.startswith("make ") for word in line.split()[1:]
    }  # fmt: skip
    assert {"lint", "test", "test-wheel", "check-release", "dist", "sbom"} <= wanted
    assert {each for each in wanted if f"\n{each}:" not in makefile} == set()


def test_the_workflow_may_do_only_what_each_job_says() -> None:
    assert WORKFLOW["permissions"] == {}
    for job in WORKFLOW["jobs"].values():
        assert "permissions" in job
        assert "timeout-minutes" in job


def test_every_action_is_a_commit_with_its_tag_beside_it() -> None:
    text = (locks.TOP / ".github/workflows/release.yml").read_text("utf-8")
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert [each for each in used if not _PINNED.fullmatch(each)] == []
