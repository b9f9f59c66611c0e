import os
from pathlib import Path

import pytest

from imagewright.adapters.acl.file import AclFile, AclFileConfig, Objection
from imagewright.adapters.acl.fixed import FixedAcl, local_acl
from imagewright.adapters.acl.reader import Known
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


def test_a_file_that_goes_away_or_opens_up_changes_nothing(path: Path) -> None:
    told: list[Flaw] = []
    source = opened(path, told)
    path.chmod(0o666)
    assert not source.refresh()
    path.unlink()
    assert not source.refresh()
    assert not source.refresh()
    assert set(source.current().subjects) == {"user:alice"}
    assert [flaw.sentence for flaw in told] == [
        "Everybody may write this file.",
        "The file cannot be opened: No such file or directory.",
    ]
    path.write_text(BOB)
    assert source.refresh()


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
