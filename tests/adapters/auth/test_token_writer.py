import hashlib
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.core.flaw import Misconfigured

OLD = b"# Ours.\r\n[tokens.tok_old]   # kept\nsha256 = \"%s\"\nsubject = 'user:a'" % (b"0" * 64)


def new(id: str = "tok_new", **more: object) -> NewToken:
    sha256 = hashlib.sha256(id.encode()).hexdigest()
    return NewToken(id=id, sha256=sha256, subject="service:ci", **more)  # type: ignore[arg-type]  # of NewToken


def test_a_new_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    add(
        path,
        new(
            groups=("g",),
            scopes=("read",),
            expires=date(2027, 1, 1),
            cidrs=("10.0.0.0/8",),
            note='a "note"\nof two lines',
        ),
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(path.read_text())["tokens"]["tok_new"] == {
        "sha256": hashlib.sha256(b"tok_new").hexdigest(),
        "subject": "service:ci",
        "groups": ["g"],
        "scopes": ["read"],
        "expires": date(2027, 1, 1),
        "cidrs": ["10.0.0.0/8"],
        "note": 'a "note"\nof two lines',
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "tokens.toml"]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_byte_that_stands_there_stays(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "tokens.toml"
    path.write_bytes(OLD + end)
    path.chmod(0o640)
    add(path, new())
    assert path.read_bytes().startswith(OLD + end)
    assert set(tomllib.loads(path.read_text())["tokens"]) == {"tok_old", "tok_new"}
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "tokens.toml"
    link.symlink_to(real)
    add(link, new())
    assert link.is_symlink()
    assert b"tok_new" in real.read_bytes()


@pytest.mark.parametrize(
    "old",
    [b"tokens = {}\n", b"[tokens", b"[tokens.tok_new]\n", b"tokens = 1\n", b'[tokens]\n"x"=1'],
)
def test_what_would_not_be_good_is_not_written(tmp_path: Path, old: bytes) -> None:
    path = tmp_path / "tokens.toml"
    path.write_bytes(old)
    path.chmod(0o600)
    with pytest.raises(Misconfigured):
        add(path, new())
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [tmp_path / "tokens.toml"]


def test_a_file_that_others_read_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_bytes(b"")
    path.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod"):
        add(path, new())


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        add(tmp_path / "none" / "tokens.toml", new())


def test_none_is_lost_when_several_are_added_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    ids = [f"tok_{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda id: add(path, new(id)), ids))
    assert set(tomllib.loads(path.read_text())["tokens"]) == set(ids)
