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
    """The commit before the one that raised the schema to the tree's, along the main line."""
    try:
        changes = _git("log", "--first-parent", "--format=%H", "--", _SCHEMA).decode().split()
        raised = "HEAD"
        for commit in changes:
            if _schema(commit) != HEAD:
                break
            raised = f"{commit}^1"
        return raised, _schema(raised)
    except (OSError, subprocess.CalledProcessError):
        return None


def _schema(commit: str) -> str:
    told = _HEAD.search(_git("show", f"{commit}:{_SCHEMA}"))
    assert told is not None
    return told[1].decode()


def _git(*words: str) -> bytes:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"}
    # A container's tests may run as another user than the clone's owner.
    trusted = ("-c", f"safe.directory={ROOT}")
    done = subprocess.run(
        ["git", *trusted, "-C", str(ROOT), *words], check=True, capture_output=True, env=environment
    )
    return done.stdout
