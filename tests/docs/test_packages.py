"""The page on adding a provider as it stands: its package is built, installed, tested and used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PACKAGES, ROOT, Fence, fences
from tests.fakes.packages import install

OURS = ("pyproject.toml", "imagewright_easel/easel.py", "imagewright_easel/easel.toml")
TEST, SETTINGS = "test_easel.py", "imagewright.toml"
EXAMPLES: dict[str, Fence] = {
    each.file: each
    for language in ("python", "toml")
    for each in fences(language)
    if each.page == PACKAGES
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's package is installed."""
    source = tmp_path_factory.mktemp("easel")
    for name in OURS:
        write(source / name, EXAMPLES[name].text)
    return install([source], tmp_path_factory.mktemp("site"))


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(0o600)


def run(site: Path, directory: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        check=False,
        cwd=directory,
        env={"PYTHONPATH": str(site), "HOME": str(directory)},
        text=True,
        timeout=280,
    )


def test_every_file_of_the_page_is_used_here() -> None:
    assert set(EXAMPLES) == {*OURS, TEST, SETTINGS}


@pytest.mark.slow
@pytest.mark.timeout(300)  # a whole contract, in a process of its own
def test_the_package_keeps_the_contract(site: Path, tmp_path: Path) -> None:
    write(tmp_path / TEST, EXAMPLES[TEST].text)
    config = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT))
    plain = ("-q", "-n", "0", "-p", "no:cacheprovider", str(tmp_path / TEST))
    done = run(site, tmp_path, "pytest", *config, *plain)
    assert done.returncode == 0, done.stdout[-3000:]
    *_, last = done.stdout.splitlines()
    passed, word, *others = last.split()
    assert (int(passed) >= 50, word, others[0]) == (True, "passed", "in")


def test_the_table_of_the_page_offers_the_packages_model(site: Path, tmp_path: Path) -> None:
    write(tmp_path / SETTINGS, EXAMPLES[SETTINGS].text)
    write(tmp_path / "studio.key", "a-key-for-an-example\n")
    config = ("--config", str(tmp_path / SETTINGS))
    done = run(site, tmp_path, "imagewright", "providers", "list", "--json", *config)
    assert done.returncode == 0, done.stderr
    (offer,) = json.loads(done.stdout)["providers"]
    assert (offer["title"], [each["id"] for each in offer["models"]]) == ("Easel", ["oil"])


def test_without_the_package_its_kind_is_the_one_fault(tmp_path: Path) -> None:
    write(tmp_path / SETTINGS, EXAMPLES[SETTINGS].text)
    write(tmp_path / "studio.key", "a-key-for-an-example\n")
    config = ("--config", str(tmp_path / SETTINGS))
    done = run(tmp_path, tmp_path, "imagewright", "config", "check", *config)
    assert done.returncode != 0
    assert "providers.studio.kind: There is no provider of this kind." in done.stderr
