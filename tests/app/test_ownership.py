"""Root's commands act as the owner of the state."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from imagewright.app.ownership import as_owner, become_owner
from imagewright.settings import SettingsFault, load

OTHER = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")


@pytest.fixture
def state() -> Iterator[Path]:
    """A directory of another user, which that user can reach."""
    with TemporaryDirectory() as directory:
        found = Path(directory)
        os.chown(found, OTHER, OTHER)
        yield found


@as_root
def test_what_is_made_belongs_to_the_owner_and_root_is_root_again(state: Path) -> None:
    groups = os.getgroups()
    with as_owner(state):
        (state / "made").touch()
        with pytest.raises(PermissionError):
            Path("/etc/shadow").read_bytes()
        with as_owner(state):
            assert os.geteuid() == OTHER
    seen = (state / "made").stat()
    assert (seen.st_uid, seen.st_gid) == (OTHER, OTHER)
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, os.getgid(), groups)


@as_root
def test_root_is_root_again_after_a_failure(state: Path) -> None:
    with pytest.raises(ZeroDivisionError), as_owner(state):
        _ = 1 / 0
    assert os.geteuid() == 0


@as_root
def test_settings_in_a_directory_that_is_closed_to_the_user_are_one_fault(
    state: Path, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    (closed / "imagewright.toml").touch()
    wanted = r"imagewright\.toml: The file cannot be opened: Permission denied\."
    with as_owner(state), pytest.raises(SettingsFault, match=wanted):
        load(config=closed / "imagewright.toml", environ={"HOME": str(state)})


def test_nothing_changes_for_ones_own_directory_or_none(tmp_path: Path) -> None:
    before = (os.geteuid(), os.getegid(), os.getgroups())
    for directory in (tmp_path, tmp_path / "missing"):
        with as_owner(directory):
            assert (os.geteuid(), os.getegid(), os.getgroups()) == before
        become_owner(directory)
        assert (os.geteuid(), os.getegid(), os.getgroups()) == before


@as_root
def test_for_good_is_for_good(state: Path) -> None:
    program = f"""
import os, pathlib
from imagewright.app.ownership import become_owner
become_owner(pathlib.Path({str(state)!r}))
assert os.getresuid() == os.getresgid() == ({OTHER},) * 3, os.getresuid()
assert os.getgroups() == []
try:
    os.setuid(0)
except PermissionError:
    print("stuck")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, cwd="/"
    )
    assert (done.stdout.strip(), done.stderr) == ("stuck", "")
