import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagewright.adapters.toml.document import MAX_BYTES, OPEN_TO_READ
from imagewright.adapters.toml.rewriting import rewrite
from imagewright.core.flaw import Misconfigured

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def more(old: bytes) -> bytes:
    return old + b"more\n"


def written(path: Path, mode: int = 0o600) -> Path:
    path.write_bytes(b"old\n")
    path.chmod(mode)
    return path


def only(directory: Path, *names: str) -> None:
    assert {each.name for each in directory.iterdir()} == set(names)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o440])
def test_an_old_file_keeps_its_mode_and_group(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "file", mode)
    group = next((each for each in os.getgroups() if each != os.getegid()), 12345)
    if os.geteuid() == 0 or group != 12345:
        os.chown(path, -1, group)
    before = path.stat()
    rewrite(path, OPEN_TO_READ, more)
    after = path.stat()
    assert path.read_bytes() == b"old\nmore\n"
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    only(tmp_path, "file")


def test_a_new_file_is_private(tmp_path: Path) -> None:
    rewrite(tmp_path / "file", OPEN_TO_READ, more)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    only(tmp_path, "file")


def test_what_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "file")
    before = path.stat()
    rewrite(path, OPEN_TO_READ, lambda old: old)
    assert path.stat() == before


def test_a_change_that_fails_leaves_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "file")
    with pytest.raises(ZeroDivisionError):
        rewrite(path, OPEN_TO_READ, lambda old: bytes(1 // 0))
    assert path.read_bytes() == b"old\n"
    only(tmp_path, "file")


@pytest.mark.parametrize("mode", [0o602, 0o606, 0o622, 0o644, 0o777])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "file", mode)
    with pytest.raises(Misconfigured, match="chmod"):
        rewrite(path, OPEN_TO_READ, more)
    assert path.read_bytes() == b"old\n"


def test_a_file_that_grows_too_large_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "file")
    with pytest.raises(Misconfigured, match="would become larger"):
        rewrite(path, OPEN_TO_READ, lambda old: b"x" * (MAX_BYTES + 1))
    assert path.read_bytes() == b"old\n"
    path.write_bytes(b"#" * 5 * MAX_BYTES)
    with pytest.raises(Misconfigured, match="larger than 1 MiB"):
        rewrite(path, OPEN_TO_READ, more)


def test_links_that_lead_nowhere_good_are_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(Misconfigured, match="symbolic links"):
        rewrite(loop, OPEN_TO_READ, more)
    assert loop.is_symlink()
    directory = tmp_path / "directory"
    directory.mkdir(mode=0o700)
    with pytest.raises(Misconfigured):
        rewrite(directory, OPEN_TO_READ, more)


@as_root
def test_what_root_makes_belongs_to_the_directorys_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 4711, 4712)
    rewrite(tmp_path / "file", OPEN_TO_READ, more)
    made = (tmp_path / "file").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (4711, 4712, 0o600)


@as_root
@pytest.mark.parametrize(
    ("owner", "group", "mode", "made"),
    [
        (0, 4712, 0o750, 0o640),
        (0, 4712, 0o755, 0o600),
        (0, 4712, 0o700, 0o600),
        (0, 0, 0o750, 0o600),
        (4711, 4712, 0o750, 0o600),
    ],
)
def test_the_group_reads_what_root_makes_in_a_directory_for_it_alone(
    tmp_path: Path, owner: int, group: int, mode: int, made: int
) -> None:
    os.chown(tmp_path, owner, group)
    tmp_path.chmod(mode)
    rewrite(tmp_path / "file", OPEN_TO_READ, more)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == made


@as_root
def test_a_link_to_another_users_file_is_refused(tmp_path: Path) -> None:
    theirs = written(tmp_path / "theirs")
    os.chown(theirs, 4711, 4711)
    link = tmp_path / "file"
    link.symlink_to(theirs)
    with pytest.raises(Misconfigured, match="another user's file"):
        rewrite(link, OPEN_TO_READ, more)
    assert theirs.read_bytes() == b"old\n"
    rewrite(theirs, OPEN_TO_READ, more)
    assert theirs.stat().st_uid == 4711


def test_no_change_is_lost_between_programs(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rewrite(path, OPEN_TO_READ, more), range(64)))
    assert path.read_bytes() == b"more\n" * 64
