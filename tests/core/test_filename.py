import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.errors import InvalidRequest
from imagewright.core.filename import check_folder, check_name, subject_directory

ANY_TEXT = st.text(st.characters(), max_size=200)


@pytest.mark.parametrize(
    "name",
    [
        "cat",
        "cat.png",
        "Grüße aus Köln",
        "\u732b",
        "a-b_c (2)",
        "\U0001f408",
        "c" * 120,
        "\u00fc" * 60,
        "console",
        "com10",
        "nul-points",
        "-dash",
        "it's #1 & 100%",
    ],
)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "...",
        ".hidden",
        "~home",
        " cat",
        "cat ",
        "cat.",
        "\u00a0cat",
        "cat\u3000",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "../cat",
        "C:cat",
        "cat?",
        "cat*",
        'c"at',
        "c<at",
        "c>at",
        "c|at",
        "cat\0",
        "cat\n",
        "cat\x7f",
        "cat\x85",
        "cat\u202egnp",
        "cat\u200b",
        "\ufeffcat",
        "cat\u2028",
        "cat\u2029",
        "\ud800",
        "\ue000",
        "\ufffe",
        "\u0378",
        "con",
        "CON",
        "con.png",
        "Con .png",
        "prn",
        "aux.tar.gz",
        "nul",
        "com1",
        "COM0.png",
        "com\u00b9",
        "lpt\u00b3.png",
        "LPT9",
        "conin$",
        "CONOUT$.x",
        "c" * 121,
        "\u00fc" * 61,
        "c" * 300,
        "c" * 1_000_000,
    ],
    ids=lambda name: ascii(name)[:20],
)
def test_a_name_that_hurts_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be used"):
        check_name(name)


@pytest.mark.parametrize("name", ["con", ".hidden", "cat\0", "c" * 121])
def test_a_folder_keeps_the_rules_of_names(name: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be used"):
        check_folder(f"fine/{name}/fine")


def test_two_spellings_of_one_name_are_one() -> None:
    assert check_name("Ko\u0308ln") == check_name("K\u00f6ln") == "K\u00f6ln"


def test_the_limit_counts_what_is_stored() -> None:
    assert check_name("o\u0308" * 60) == "\u00f6" * 60


def test_the_longest_spelling_of_the_longest_name_is_read() -> None:
    spelled = unicodedata.normalize("NFD", "\u1f82" * 40)
    assert len(spelled) == 160
    assert check_name(spelled) == "\u1f82" * 40


@given(ANY_TEXT)
def test_an_accepted_name_is_safe_and_final(name: str) -> None:
    try:
        checked = check_name(name)
    except InvalidRequest:
        return
    assert check_name(checked) == checked == unicodedata.normalize("NFC", name)
    assert 1 <= len(checked.encode()) <= 120
    assert not set(checked) & set('/\\\0<>:"|?*')
    assert checked[0] not in ".~ "
    assert checked[-1] not in ". "


@pytest.mark.parametrize("folder", ["", "pets", "pets/cats", "a/b/c/d/e/f/g/h"])
def test_a_plain_folder_stays_as_it_is(folder: str) -> None:
    assert check_folder(folder) == folder


def test_a_folder_is_composed_part_by_part() -> None:
    assert check_folder("u\u0308/o\u0308") == "\u00fc/\u00f6"


@pytest.mark.parametrize("folder", ["/", "/pets", "pets/", "a//b", "..", "a/../b", "a/./b", "a\\b"])
def test_a_folder_that_leaves_is_refused(folder: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be used"):
        check_folder(folder)


@pytest.mark.parametrize("depth", [9, 100_000])
def test_a_deep_folder_is_refused(depth: int) -> None:
    with pytest.raises(InvalidRequest, match="deeper than 8"):
        check_folder("/".join("a" * depth))


@pytest.mark.parametrize(
    ("subject", "slug"),
    [
        ("user:Alice@Example.com", "user-alice-example-com"),
        ("local", "local"),
        ("", "subject"),
        ("\u732b", "subject"),
        ("../../etc", "etc"),
        ("a" * 39 + "--b", "a" * 39),
        ("\ud800", "subject"),
    ],
)
def test_a_subjects_directory_can_be_read(subject: str, slug: str) -> None:
    assert re.fullmatch(re.escape(slug) + "-[0-9a-f]{16}", subject_directory(subject))


@given(ANY_TEXT)
def test_a_subjects_directory_is_safe_everywhere(subject: str) -> None:
    directory = subject_directory(subject)
    assert re.fullmatch("[a-z0-9][a-z0-9-]{0,39}-[0-9a-f]{16}", directory)
    assert check_name(directory) == directory


@given(ANY_TEXT, ANY_TEXT)
def test_two_subjects_never_share_a_directory(one: str, other: str) -> None:
    assert (subject_directory(one) == subject_directory(other)) == (one == other)
