"""The packages of this tree, made once and kept by the hash of what they are made of."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagewright import __version__
from tests.packaging.trees import cache

ROOT = Path(__file__).parents[2]
EPOCH = "1760000000"
NOW = __version__
NEXT = f"{__version__}.1"
"""A later build of the same program."""
_SOURCES = (
    *("src", "packaging", "pyproject.toml", "README.md", "LICENSE"),
    *("docs/reference/commands.md", "docs/reference/settings.md"),
)


@dataclass(frozen=True, slots=True)
class Packages:
    """Both packages of one version."""

    deb: Path
    rpm: Path


def packages(version: str) -> Packages:
    """Those of a version, built where they are not kept yet."""
    kept = cache() / f"packages-{_key()}" / version
    if not kept.is_dir():
        making = kept.with_name(f"{version}.{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        build(version, making)
        making.rename(kept)
    return found(kept)


def build(version: str, directory: Path) -> Packages:
    """Build them into a directory, as `make packages` does."""
    directory.mkdir(parents=True)
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        ["make", "packages", f"VERSION={version}", f"OUT={directory}"],
        cwd=ROOT,
        env={**plain, "SOURCE_DATE_EPOCH": EPOCH},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return found(directory)


def found(directory: Path) -> Packages:
    """The two files in a directory."""
    (deb,), (rpm,) = directory.glob("*.deb"), directory.glob("*.rpm")
    return Packages(deb, rpm)


def _key() -> str:
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_mode:o}".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files() -> Iterator[Path]:
    for name in _SOURCES:
        place = ROOT / name
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
