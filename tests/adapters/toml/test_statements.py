import tomllib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.toml.statements import (
    Edit,
    assignment,
    edited,
    line_break,
    statements,
)

TEXT = '''\ufeff# [not.a.header]
root = 1 # = 2
[a."b ] # c"] # behind
x = """
[no.header]
y = 1 \\""" ""
"""
  'k = 1'.z = [ "]", # ]
    { q = "}" }, # comment
  ] # last
[[list]]
many = \'\'\'it\'s ''here
[still.inside]\'\'\'
'''


def test_statements_have_their_paths_and_places() -> None:
    found = list(statements(TEXT))
    assert [each.path for each in found] == [
        ("root",),
        ("a", "b ] # c"),
        ("a", "b ] # c", "x"),
        ("a", "b ] # c", "k = 1", "z"),
        ("list",),
        ("list", "many"),
    ]
    assert TEXT[found[0].start : found[0].end] == "root = 1"
    assert TEXT[found[0].line : found[0].after] == "root = 1 # = 2\n"
    assert TEXT[found[3].line : found[3].start] == "  "
    assert TEXT[found[3].start : found[3].end].endswith("]")
    assert TEXT[found[3].end : found[3].after] == " # last\n"
    assert [each.own for each in found[:2]] == [("root",), ()]


@pytest.mark.parametrize("text", ["", "\n", "# only\r\n", "\ufeff", " \t\n"])
def test_a_text_may_say_nothing(text: str) -> None:
    assert list(statements(text)) == []


def test_the_last_line_may_have_no_end() -> None:
    (only,) = statements("a = 1 # no end")
    assert (only.end, only.after) == (5, 14)


def test_edits_are_made_wherever_they_stand() -> None:
    assert edited("abcdef", [Edit(0, 1, "A"), Edit(5, 6, ""), Edit(3, 3, "-")]) == "Abc-de"


@pytest.mark.parametrize(("text", "end"), [("a\nb\r\n", "\n"), ("a\r\nb", "\r\n"), ("", "\n")])
def test_lines_end_as_the_first_does(text: str, end: str) -> None:
    assert line_break(text) == end


SCALARS = (
    st.text(max_size=20)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC)).map(lambda each: each.replace(microsecond=0))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(), VALUES)
def test_an_assignment_is_one_line_and_says_what_was_meant(key: str, value: object) -> None:
    line = assignment(key, value)
    assert "\n" not in line
    assert tomllib.loads(line) == {key: value}
    (only,) = statements(line)
    assert (only.start, only.end) == (0, len(line))
    assert only.path == (key,)


def test_times_in_utc_are_short() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert assignment("x", {"a": at, "b": date(2026, 1, 2)}) == (
        "x = { a = 2026-01-02T03:04:05Z, b = 2026-01-02 }"
    )


PIECES = st.sampled_from(
    [
        "# a comment [x]\n",
        "\n",
        "\t\n",
        "[t{}]\n",
        '[t{}."q = #"] # why\n',
        "k{} = 1\n",
        '  k{} = "a # = [b]" # behind\n',
        "k{} = '''\n[x]\n# y'''\n",
        'k{} = """a\\""" # b\n"""\n',
        'k{} = [1,\n # ]\n "]" ]\n',
        "k{} = {{ a = 1, b = [ {{ c = '}}' }} ] }}\n",
        'k{}."a.b".c = """"quoted" """\n',
    ]
)


@given(st.lists(PIECES, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_statements_are_what_the_parser_sees(pieces: list[str], end: str) -> None:
    text = "".join(piece.format(number) for number, piece in enumerate(pieces)).replace("\n", end)
    found = list(statements(text))
    outside = edited(text, [Edit(each.start, each.end, "") for each in found])
    assert tomllib.loads(outside) == {}
    kept = "".join(text[each.start : each.end] + "\n" for each in found)
    assert tomllib.loads(kept) == tomllib.loads(text)
    assert all(tomllib.loads(text[each.start : each.end]) for each in found)
