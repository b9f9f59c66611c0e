"""The master key's file: made once, its owner's alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagewright.adapters.keys.file import KeyFile
from imagewright.core.errors import Unavailable

RACER = """
import sys
from pathlib import Path
from imagewright.adapters.keys.file import KeyFile
sys.stdin.read()
print(KeyFile(Path(sys.argv[1])).derive("links").hex())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


def written(path: Path, data: bytes = bytes(32), mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_key_is_made_once_and_is_the_same_ever_after(path: Path) -> None:
    first = KeyFile(path).derive("links")
    assert KeyFile(path).derive("links") == first
    assert (len(first), len(path.read_bytes())) == (32, 32)


def test_every_purpose_has_a_key_of_its_own(path: Path) -> None:
    keys = KeyFile(path)
    derived = {keys.derive(purpose) for purpose in ("links", "request state", "")}
    assert len(derived | {path.read_bytes()}) == 4


def test_two_services_have_different_keys(tmp_path: Path) -> None:
    keys = {KeyFile(tmp_path / name).derive("links") for name in ("a", "b")}
    assert len(keys) == 2


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_it_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        KeyFile(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
def test_eight_processes_at_once_make_one_key(path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(path)]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) for _ in range(8)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
        racer.stdin = None
    found = {racer.communicate(timeout=60)[0].strip() for racer in racers}
    assert found == {KeyFile(path).derive("links").hex()}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o666])
def test_a_key_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    written(path, mode=mode)
    with pytest.raises(Unavailable, match="Others can read") as raised:
        KeyFile(path)
    assert raised.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("length", [0, 31, 33, 4096])
def test_a_file_of_another_length_is_no_key_and_is_left_as_it_is(path: Path, length: int) -> None:
    written(path, bytes(length))
    with pytest.raises(Unavailable, match="not a key of 32 bytes"):
        KeyFile(path)
    assert path.stat().st_size == length


def test_a_link_is_not_followed(path: Path) -> None:
    path.symlink_to(written(path.with_name("elsewhere")))
    with pytest.raises(Unavailable, match="cannot be opened"):
        KeyFile(path)


def test_a_link_to_nowhere_is_not_made_a_key(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(Unavailable):
        KeyFile(path)
    assert not path.with_name("elsewhere").exists()


def test_a_directory_or_a_pipe_is_no_key(path: Path) -> None:
    path.mkdir(mode=0o700)
    with pytest.raises(Unavailable):
        KeyFile(path)
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(Unavailable):
        KeyFile(path)


def test_its_bytes_are_not_shown(path: Path) -> None:
    keys = KeyFile(written(path, b"abcdefghijklmnopqrstuvwxyz012345"))
    assert "abcdef" not in repr(keys)
