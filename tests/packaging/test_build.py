"""The packages as files: the same from the same, for old and new systems, and clean."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.packaging.built import NOW, ROOT, Packages, build

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_PRIVATE = "usr/lib/imagewright"
_GLIBC = (2, 31)
_SYMBOL = re.compile(rb"GLIBC_2\.(\d+)")


@pytest.fixture(scope="module")
def payload(now: Packages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the .deb puts on a disk."""
    place = tmp_path_factory.mktemp("payload")
    subprocess.run(["dpkg-deb", "--extract", now.deb, place], check=True)
    return place


def run(*words: str | Path) -> str:
    done = subprocess.run([*words], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_same_sources_make_the_same_bytes(now: Packages, tmp_path: Path) -> None:
    again = build(NOW, tmp_path / "again")
    assert again.deb.read_bytes() == now.deb.read_bytes()
    assert again.rpm.read_bytes() == now.rpm.read_bytes()


def test_nothing_wants_a_newer_glibc(payload: Path) -> None:
    found = {
        (2, int(symbol))
        for path in (payload / _PRIVATE).rglob("*")
        if path.is_file() and (".so" in path.name or path.name == "python3.13")
        for symbol in _SYMBOL.findall(path.read_bytes())
    }
    assert found
    assert max(found) <= _GLIBC


def test_no_place_of_the_build_is_left_in_it(payload: Path) -> None:
    here = str(ROOT).encode()
    found = [
        str(path.relative_to(payload))
        for path in payload.rglob("*")
        if path.is_file() and not path.is_symlink() and here in path.read_bytes()
    ]
    assert found == []


def test_both_packages_hold_the_same(now: Packages, payload: Path) -> None:
    listed = run("rpm", "--query", "--package", "--list", now.rpm).split()
    apart = ("/usr/share/zsh/", "/usr/share/lintian/", "/usr/share/doc/imagewright/changelog")
    in_deb = {f"/{path.relative_to(payload)}" for path in payload.rglob("*") if not path.is_dir()}
    missing = {each for each in in_deb - set(listed) if not each.startswith(apart)}
    assert missing == set()


def test_the_conffile_says_nothing(payload: Path, now: Packages) -> None:
    text = (payload / "etc/imagewright/imagewright.toml").read_text("utf-8")
    assert all(not line or line.startswith("#") for line in text.splitlines())
    assert run("dpkg-deb", "--info", now.deb, "conffiles").split() == [
        "/etc/imagewright/imagewright.toml"
    ]
    options = "--queryformat=[%{FILENAMES} %{FILEFLAGS:fflags}\n]"
    flags = run("rpm", "--query", "--package", options, now.rpm)
    assert "/etc/imagewright/imagewright.toml cn" in flags


def test_nothing_is_run_but_the_interpreter_and_the_command(payload: Path) -> None:
    found = {
        str(path.relative_to(payload))
        for path in payload.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111
    }
    assert found == {f"{_PRIVATE}/bin/python3.13", "usr/bin/imagewright"}
    wide = [
        path
        for path in payload.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o7022
    ]
    assert wide == []


def test_the_manuals_hold_every_command_and_setting(payload: Path) -> None:
    words = {
        "1/imagewright.1": ("imagewright token add", "--transport", "130"),
        "5/imagewright.toml.5": ("server.drain", "IMAGEWRIGHT_SERVER__DRAIN", "[providers.<name>]"),
    }
    for name, wanted in words.items():
        text = run("zcat", payload / f"usr/share/man/man{name}.gz").replace("\\-", "-")
        assert all(word in text for word in wanted), name


def test_bash_takes_the_completions(payload: Path) -> None:
    file = payload / "usr/share/bash-completion/completions/imagewright"
    assert "token" in run("bash", "-c", f'source "{file}"; complete -p imagewright; cat "{file}"')


def test_lintian_has_nothing_to_say(now: Packages) -> None:
    assert run("lintian", "--allow-root", "--fail-on=error,warning", now.deb) == ""


def test_rpmlint_has_nothing_to_say(now: Packages) -> None:
    said = run("rpmlint", "--config", ROOT / "packaging/rpm/rpmlint.toml", now.rpm)
    assert "0 errors, 0 warnings" in said
