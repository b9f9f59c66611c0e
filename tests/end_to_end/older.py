"""The program as it was before the newest migration, from the history of this repository."""

import os
import re
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from imagewright.adapters.sql.schema import HEAD

ROOT = Path(__file__).parents[2]
_SCHEMA = "src/imagewright/adapters/sql/schema.py"
_HEAD = re.compile(rb'^HEAD = "(\d+)"$', re.MULTILINE)


def unpacked(directory: Path) -> tuple[Path, str]:
    """Its `src`, and the schema that it knows; skips where the history is not there."""
    found = _before()
    if found is None:
        pytest.skip("this is no clone with the history of the newest migration")
    commit, schema = found
    source = _git("archive", "--format=tar", commit, "src")
    with tarfile.open(fileobj=BytesIO(source)) as archive:
        archive.extractall(directory, filter="data")
    return directory / "src", schema


def _before() -> tuple[str, str] | None:
    """The newest commit with an earlier schema than the tree's."""
    try:
        commits = _git("log", "--format=%H", "--", _SCHEMA).decode().split()
    except (OSError, subprocess.CalledProcessError):
        return None
    for commit in commits:
        text = _git("show", f"{commit}:{_SCHEMA}")
        if (told := _HEAD.search(text)) and told[1].decode() < HEAD:
            return commit, told[1].decode()
    return None


def _git(*words: str) -> bytes:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"}
    # A container's tests may run as another user than the clone's owner.
    trusted = ("-c", f"safe.directory={ROOT}")
    done = subprocess.run(
        ["git", *trusted, "-C", str(ROOT), *words], check=True, capture_output=True, env=environment
    )
    return done.stdout
