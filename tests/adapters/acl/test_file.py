import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagewright.adapters.acl.file import AclFile, AclFileConfig, Objection
from imagewright.adapters.acl.fixed import FixedAcl, local_acl
from imagewright.adapters.acl.reader import Known
from imagewright.adapters.toml.document import Stamp
from imagewright.core.caller import LOCAL
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.policy import Acl
from imagewright.core.scope import Scope

ALICE = '[subjects]\n"user:alice" = ["read"]\n'
BOB = '[subjects]\n"user:bob" = ["read"]\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "acl.toml"
    file.write_text(ALICE)
    return file


def opened(path: Path, told: list[Flaw]) -> AclFile:
    return AclFile(AclFileConfig(path=path, read_only=True, known=Known()), told.append)


def replace(path: Path, text: str) -> None:
    beside = path.with_name("new")
    beside.write_text(text)
    beside.replace(path)


def test_a_changed_file_is_taken_up_once(path: Path) -> None:
    source = opened(path, [])
    assert source.current().read_only
    assert not source.refresh()
    replace(path, BOB)
    assert source.refresh()
    assert set(source.current().subjects) == {"user:bob"}
    assert not source.refresh()


@pytest.mark.parametrize("text", ["subjects = 1", "[subjects", '[subjects]\n"bob" = ["read"]'])
def test_a_bad_file_changes_nothing_and_is_told_of_once(path: Path, text: str) -> None:
    told: list[Flaw] = []
    source = opened(path, told)
    before = source.current()
    replace(path, text)
    assert not source.refresh()
    assert not source.refresh()
    assert source.current() is before
    assert len(told) == 1
    replace(path, BOB)
    assert source.refresh()


def test_a_file_that_opens_up_to_everybody_changes_nothing(path: Path) -> None:
    told: list[Flaw] = []
    source = opened(path, told)
    path.chmod(0o666)
    for _ in range(3):
        assert not source.refresh()
    assert set(source.current().subjects) == {"user:alice"}
    assert [flaw.sentence for flaw in told] == ["Everybody may write this file."]
    assert source.flaws() == tuple(told)


def test_a_file_that_is_gone_means_nobody_until_it_is_there_again(path: Path) -> None:
    told: list[Flaw] = []
    source = opened(path, told)
    path.unlink()
    assert source.refresh()
    for _ in range(3):
        assert not source.refresh(force=True)
    assert source.current() == Acl(read_only=True)
    (flaw,) = told
    assert (flaw.place, source.flaws()) == (str(path), (flaw,))
    assert flaw.sentence.startswith("The file is gone")
    path.write_text(BOB)
    assert source.refresh()
    assert set(source.current().subjects) == {"user:bob"}
    assert source.flaws() == ()


def test_a_bad_file_where_none_was_leaves_nobody(path: Path) -> None:
    told: list[Flaw] = []
    source = opened(path, told)
    path.unlink()
    source.refresh()
    path.write_text("[subjects")
    assert not source.refresh()
    assert source.current().subjects == {}
    path.unlink()
    assert source.refresh()
    assert [flaw.sentence for flaw in source.flaws()] == [told[0].sentence]
    assert len(told) == 3


def test_a_directory_that_is_gone_means_nobody_too(tmp_path: Path) -> None:
    path = tmp_path / "config" / "acl.toml"
    path.parent.mkdir()
    path.write_text(ALICE)
    source = opened(path, [])
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()
    assert source.refresh()
    assert source.current().subjects == {}


def test_what_cannot_be_looked_at_is_not_gone(path: Path) -> None:
    source = opened(path, [])
    path.unlink()
    path.symlink_to(path)  # whoever follows it is told of a loop
    assert not source.refresh()
    assert set(source.current().subjects) == {"user:alice"}
    assert len(source.flaws()) == 1


def test_a_second_writing_with_the_stamp_of_the_first_is_not_missed(path: Path) -> None:
    source = opened(path, [])
    path.write_text(ALICE.replace("alice", "carol"))
    assert source.refresh()
    stamp = path.stat()
    path.write_text(ALICE.replace("alice", "peter"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    source._watched._stamp = Stamp.of(path.stat())  # noqa: SLF001 - the clock's tick is not ours
    assert source.refresh()
    assert set(source.current().subjects) == {"user:peter"}
    assert not source.refresh()


def test_two_that_refresh_at_once_leave_the_newest_in_force(path: Path) -> None:
    source = opened(path, [])
    with ThreadPoolExecutor(4) as threads:
        for number in range(100):
            replace(path, ALICE.replace("alice", f"u{number:03}"))
            list(threads.map(lambda force: source.refresh(force=force), [True, False] * 2))
            assert set(source.current().subjects) == {f"user:u{number:03}"}


def test_a_file_is_read_again_when_asked_for_or_touched(path: Path) -> None:
    source = opened(path, [])
    assert source.refresh(force=True)
    seen = path.stat()
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert source.refresh()


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"acl\.toml: The file cannot be opened"):
        opened(tmp_path / "acl.toml", [])


def test_warnings_are_told(path: Path) -> None:
    told: list[Flaw] = []
    path.write_text('[everyone]\nbudget = { day = "5", month = "4" }\n')
    opened(path, told)
    assert [flaw.warning for flaw in told] == [True]


def test_the_local_acl_names_local_alone() -> None:
    acl = FixedAcl(local_acl(read_only=False)).current()
    assert set(acl.subjects) == {LOCAL}
    assert Scope.SPEND in acl.subjects[LOCAL].scopes
    assert Scope.SPEND_UNATTENDED not in acl.subjects[LOCAL].scopes


def test_what_somebody_objects_to_changes_nothing_and_is_told_of(path: Path) -> None:
    def object_to(acl: Acl) -> list[Objection]:
        found = set(acl.subjects) - {"user:alice"}
        return [Objection(path=("subjects", each), sentence="No.", hint="Go.") for each in found]

    config = AclFileConfig(path=path, read_only=True, known=Known(), object_to=object_to)
    told: list[Flaw] = []
    source = AclFile(config, told.append)
    before = source.current()
    replace(path, BOB)
    assert not source.refresh()
    assert source.current() is before
    (flaw,) = told
    assert str(flaw) == f'{path}:2: subjects."user:bob": No. Go.'
    with pytest.raises(Misconfigured):
        AclFile(config, told.append)
    replace(path, ALICE)
    assert source.refresh()
