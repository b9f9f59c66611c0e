"""Everything that an operator gets wrong in an ACL, each told once, with the file and the line."""

import os
from datetime import date
from pathlib import Path

import pytest

from imagewright.adapters.acl.file import AclFile, AclFileConfig
from imagewright.adapters.acl.reader import Known
from imagewright.core.caller import Caller
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.policy import Acl, granted
from imagewright.core.scope import Scope

TODAY = date(2026, 11, 21)
KNOWN = Known(tools=frozenset({"get_image"}), providers=frozenset({"openai", "placeholder"}))
GOOD = '[subjects]\n"user:alice" = ["read"]\n'


def file(directory: Path, text: str | bytes) -> Path:
    path = directory / "acl.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def opened(path: Path, told: list[Flaw] | None = None) -> Acl:
    config = AclFileConfig(path=path, read_only=False, known=KNOWN, today=lambda: TODAY)
    return AclFile(config, (told if told is not None else []).append).current()


def fault(path: Path) -> str:
    """The one fault, without the directory."""
    with pytest.raises(Misconfigured) as found:
        opened(path)
    (flaw,) = found.value.flaws
    return str(flaw).removeprefix(f"{path.parent}/")


def test_an_unknown_scope(tmp_path: Path) -> None:
    said = fault(file(tmp_path, f'{GOOD}"user:bob" = ["images:reed"]\n'))
    assert said.startswith("acl.toml:3: ")
    assert "There is no scope 'images:reed'." in said
    assert "images:read" in said


def test_a_group_without_members_is_fine(tmp_path: Path) -> None:
    acl = opened(file(tmp_path, f'{GOOD}[groups.nobody]\nscopes = ["write"]\n[groups.empty]\n'))
    assert set(acl.groups) == {"nobody", "empty"}
    assert granted(acl, Caller(subject="user:alice"), TODAY) == {Scope.IMAGES_READ}


@pytest.mark.parametrize("subject", ["*", "user:*", "user:*@example.com", "service:ci-*"])
def test_a_wildcard_for_a_subject(tmp_path: Path, subject: str) -> None:
    said = fault(file(tmp_path, f'[subjects]\n"{subject}" = ["read"]\n'))
    assert said.startswith(f'acl.toml:2: subjects."{subject}": Subjects are named in full;')


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (f'{GOOD}"user:alice" = ["write"]\n', 3, "The same key is set twice."),
        (f'{GOOD}[subjects]\n"user:bob" = ["read"]\n', 3, "The same table is declared twice."),
        ("[groups.a]\nscopes = []\nscopes = []\n", 3, "The same key is set twice."),
        (
            '[everyone]\nbudget = { day = "1", day = "2" }\n',
            2,
            "The same key is set twice in one pair of braces.",
        ),
        (f'{GOOD}[subjects."user:alice"]\n', 3, "The same table is declared twice."),
    ],
)
def test_a_key_that_is_there_twice(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    assert fault(file(tmp_path, text)).startswith(f"acl.toml:{line}: {sentence}")


def test_tabs_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    tabbed = GOOD.replace(" = ", "\t=\t").replace('"user', '\t"user')
    acl = opened(file(tmp_path, b"\xef\xbb\xbf" + tabbed.encode()))
    assert set(acl.subjects) == {"user:alice"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD.encode("utf-16"), "acl.toml:1: The file is not UTF-8."),
        (GOOD.encode() + b'"user:b\xe9" = ["read"]\n', "acl.toml:3: The file is not UTF-8."),
    ],
)
def test_a_file_in_another_encoding(tmp_path: Path, data: bytes, said: str) -> None:
    assert fault(file(tmp_path, data)) == said


def test_a_file_of_five_megabytes(tmp_path: Path) -> None:
    assert fault(file(tmp_path, GOOD + "#" * 5_000_000)) == (
        "acl.toml: The file is larger than 1 MiB."
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'{GOOD}[providers.opnai]\nbudget = {{ day = "1" }}\n', "acl.toml:3: providers.opnai:"),
        ('[groups.a]\nproviders = ["opnai"]\n', "acl.toml:2: groups.a.providers:"),
    ],
)
def test_a_provider_that_does_not_exist(tmp_path: Path, text: str, place: str) -> None:
    said = fault(file(tmp_path, text))
    assert said.startswith(place)
    assert said.endswith("Did you mean openai?")


def test_an_expiry_in_the_past_is_warned_of_and_grants_nothing(tmp_path: Path) -> None:
    told: list[Flaw] = []
    text = '[subjects."user:alice"]\nscopes = ["read"]\nexpires = {}\n'
    acl = opened(file(tmp_path, text.format("2026-11-20")), told)
    (flaw,) = told
    assert flaw.warning
    assert 'acl.toml:3: subjects."user:alice".expires: This day has passed' in str(flaw)
    assert granted(acl, Caller(subject="user:alice"), TODAY) == frozenset()
    opened(file(tmp_path, text.format("2026-11-21")), told)
    assert len(told) == 1


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o602])
def test_a_file_that_everybody_may_write(tmp_path: Path, mode: int) -> None:
    path = file(tmp_path, GOOD)
    path.chmod(mode)
    assert fault(path).startswith("acl.toml: Everybody may write this file. Do: chmod o-w ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_link_to_a_file_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = file(tmp_path / "theirs", GOOD)
    os.chown(theirs, 54321, 54321)
    link = tmp_path / "acl.toml"
    link.symlink_to(theirs)
    assert fault(link).startswith("acl.toml: The link leads to another user's file.")


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("rate = 30", "This must be a text in double quotes."),
        ('rate = "30/min"', "This is no rate."),
        ('rate = "0/minute"', "This is no rate."),
        ('rate = "1e3/minute"', "This is no rate."),
        ('images = "200/hour"', "This is no number in a day."),
        ("images = 200", "This must be a text in double quotes."),
        ('jobs = "2"', "This must be a whole number of 1 or more."),
        ("jobs = 0", "This must be a whole number of 1 or more."),
        ("jobs = true", "This must be a whole number of 1 or more."),
        ('storage = "2 gigabytes"', "The amount is not a whole number with a known unit."),
        ('storage = "0B"', "This is no size to keep to."),
        ('storage = "-2GiB"', "The amount is not a whole number with a known unit."),
        ('bandwidth = "5GiB"', "This is no number of bytes in a span."),
        ('bandwidth = "5GiB/fortnight"', "This is no number of bytes in a span."),
    ],
)
@pytest.mark.parametrize("table", ['subjects."user:alice"', "groups.design", "everyone"])
def test_a_limit_of_an_unknown_form(tmp_path: Path, table: str, key: str, sentence: str) -> None:
    said = fault(file(tmp_path, f"[{table}]\n{key}\n"))
    name = key.partition(" ")[0]
    assert said.startswith(f"acl.toml:2: {table}.{name}: {sentence}")


def test_a_provider_has_no_such_limit(tmp_path: Path) -> None:
    said = fault(file(tmp_path, '[providers.openai]\nrate = "30/minute"\n'))
    assert "This key means nothing here." in said
