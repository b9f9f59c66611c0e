import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.toml.document import (
    NOT_PRIVATE,
    OPEN_TO_CHANGE,
    OPEN_TO_READ,
    key_name,
    parse_document,
    read_bytes,
    read_document,
)
from imagewright.core.flaw import Misconfigured


def refusal(path: Path, refused: int = OPEN_TO_CHANGE) -> str:
    with pytest.raises(Misconfigured) as found:
        read_document(path, refused)
    return str(found.value)


def file(directory: Path, data: bytes, mode: int = 0o640) -> Path:
    path = directory / "some.toml"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_byte_order_mark_and_tabs_are_read(tmp_path: Path) -> None:
    document, _ = read_document(file(tmp_path, b"\xef\xbb\xbf\ta\t=\t1\r\n"), OPEN_TO_CHANGE)
    assert document.table == {"a": 1}


@pytest.mark.parametrize(
    ("mode", "refused", "good"),
    [
        (0o666, OPEN_TO_CHANGE, False),
        (0o664, OPEN_TO_CHANGE, True),
        (0o644, OPEN_TO_READ, False),
        (0o660, OPEN_TO_READ, False),
        (0o640, OPEN_TO_READ, True),
        (0o400, OPEN_TO_READ, True),
        (0o640, NOT_PRIVATE, False),
        (0o600, NOT_PRIVATE, True),
    ],
)
def test_modes(tmp_path: Path, mode: int, refused: int, good: bool) -> None:
    path = file(tmp_path, b"", mode)
    if good:
        read_document(path, refused)
    else:
        assert "chmod" in refusal(path, refused)


def test_a_file_of_more_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    mebibyte = b"#" * (1024 * 1024)
    read_document(file(tmp_path, mebibyte), OPEN_TO_CHANGE)
    assert "larger than 1 MiB" in refusal(file(tmp_path, mebibyte + b"#"))


def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_what_is_missing_or_a_directory_is_said(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.toml")
    assert "not a regular file" in refusal(tmp_path)
    assert "not a path" in refusal(Path("a\0b"))


def test_a_link_to_ones_own_file_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file(tmp_path, b"a = 1"))
    assert read_document(link, OPEN_TO_READ)[0].table == {"a": 1}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_link_to_another_users_file_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, b"a = 1")
    os.chown(path, 54321, 54321)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    assert "another user's file" in refusal(link)
    assert read_document(path, OPEN_TO_READ)[0].table == {"a": 1}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a = 1\na = 2", ":2: The same key is set twice."),
        (b"[a]\n[b]\n[a]", ":3: The same table is declared twice."),
        (b'x = { "geheim" = 1, "geheim" = 2 }', "The same key is set twice in one pair of braces."),
        (b"[geheim]\nx = 1\n[other]\n[geheim]\n", ":4: The same table is declared twice."),
        (b"[subjects.user:a]", "double quotes"),
        (b"a = text", "A value cannot be read"),
        (b"a", "A key is not followed by =."),
        (b"a = \xff", ":1: The file is not UTF-8."),
        (b"a = " + b"[" * 100_000, "nests brackets too deeply"),
        (b"a = " + b"9" * 5000, "This is not TOML."),
    ],
)
def test_what_is_no_toml_is_said_without_quoting_it(tmp_path: Path, data: bytes, said: str) -> None:
    message = refusal(file(tmp_path, data))
    assert said in message
    assert "geheim" not in message


def test_keys_have_lines(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        b'# comment = 1\nx.y = 1\n[subjects]\n"user:a=b" = [\n"read"]\n'
        b'[subjects."service:x"]\nbudget = { day = "1" }\n[[list]]\nz = 1\n',
    )
    document, _ = read_document(path, OPEN_TO_CHANGE)
    assert document.place(("x", "y")).endswith(":2")
    assert document.place(("subjects", "user:a=b")).endswith(":4")
    assert document.place(("subjects", "service:x", "budget", "day")).endswith(":7")
    assert document.place(("list", "z")).endswith(":9")
    assert document.place(("elsewhere",)) == str(path)


def test_key_names_are_written_as_toml_writes_them() -> None:
    assert key_name(("subjects", "user:a", "max")) == 'subjects."user:a".max'
    assert "\x1b" not in key_name(("\x1b[31m",))


@given(
    st.binary(max_size=300)
    | st.text(alphabet="[]{}=\"'\\#.,ab1\n\t :", max_size=80).map(str.encode)
)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        document = parse_document(Path("x"), data)
    except Misconfigured:
        return
    for key in document.table:
        assert document.place((key,)).startswith("x")


def test_a_document_shows_no_text(tmp_path: Path) -> None:
    data, stamp = read_bytes(file(tmp_path, b"a = 1 # geheim"), OPEN_TO_CHANGE)
    assert stamp.size == len(data)
    assert "geheim" not in repr(parse_document(Path("x"), data))
