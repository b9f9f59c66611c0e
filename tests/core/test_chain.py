"""The chain, without a database: what a seal covers, and what it notices."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from imagewright.core.audit import Entry
from imagewright.core.chain import MOST, START, ChainKey, Seal, flaw, next_seal, unsealed
from imagewright.core.ranges import HIGHEST, Ranges

KEY = ChainKey(b"k" * 32)
HOUR = 3_600_000_000


def entry(number: int, **changes: Any) -> Entry:
    usual = Entry(
        id=number, at=7, subject="user:a", credential="tok", action="call", thing="t", outcome="o"
    )
    return replace(usual, **changes)


def entries(*numbers: int) -> tuple[Entry, ...]:
    return tuple(map(entry, numbers))


def test_a_line_has_one_form_whatever_is_left_out() -> None:
    assert entry(1).canonical() == (
        b'{"action":"call","at":7,"credential":"tok","id":1,"outcome":"o","subject":"user:a",'
        b'"thing":"t"}'
    )


def test_a_shape_stands_as_json_and_any_other_text_as_it_is() -> None:
    assert entry(1, shape='{"n": 2}').public()["shape"] == {"n": 2}
    assert entry(1, shape="{broken").public()["shape"] == "{broken"


@pytest.mark.parametrize("name", [each.name for each in fields(Entry)])
def test_no_field_can_be_changed_unseen(name: str) -> None:
    before = entry(1, **{name: 5 if name in {"id", "at"} else "5"})
    after = entry(1, **{name: 6 if name in {"id", "at"} else "6"})
    assert KEY.leaf(before) != KEY.leaf(after)


@pytest.mark.parametrize("name", [e.name for e in fields(Seal) if e.name not in {"mac", "number"}])
def test_no_field_of_a_seal_can_be_changed_unseen(name: str) -> None:
    seal = next_seal(None, entries(1, 2), 9, KEY)
    value: Any = 1 if name in {"at", "last"} else "1"
    changed = replace(seal, **{name: value})
    assert flaw(None, changed, entries(1, 2), KEY) is not None


def test_the_key_shows_itself_by_its_id_only() -> None:
    assert len(KEY.id) == 8
    assert KEY.id != ChainKey(b"x" * 32).id
    assert "kkkk" not in repr(KEY)


def test_a_chain_holds_from_its_start() -> None:
    first = next_seal(None, entries(1, 2), 9, KEY)
    second = next_seal(first, entries(3), 10, KEY)
    assert (first.number, first.previous, first.ids, first.holes) == (1, START, "1-2", "[]")
    assert (second.number, second.previous) == (2, first.mac)
    assert flaw(None, first, entries(1, 2), KEY) is None
    assert flaw(first, second, entries(3), KEY) is None
    assert second.head == f"2:{second.mac[:16]}"


def test_a_seal_after_another_is_not_the_same_seal() -> None:
    other = next_seal(None, entries(1), 9, KEY)
    first = next_seal(None, entries(1, 2), 9, KEY)
    second = next_seal(first, entries(3), 10, KEY)
    assert flaw(other, second, entries(3), KEY) == "The seal before it was changed."


def test_what_is_not_there_yet_is_a_hole_until_it_is() -> None:
    first = next_seal(None, entries(2, 5), 9, KEY)
    assert json.loads(first.holes) == [[1, 1, 9], [3, 4, 9]]
    assert unsealed(first, HIGHEST) == Ranges(((1, 1), (3, 4), (6, HIGHEST)))
    second = next_seal(first, entries(3), 10, KEY)
    assert json.loads(second.holes) == [[1, 1, 9], [4, 4, 9]]
    assert second.last == 5
    assert second.open_holes() == Ranges(((1, 1), (4, 4)))


def test_a_hole_is_closed_after_an_hour() -> None:
    first = next_seal(None, entries(2), 9, KEY)
    assert next_seal(first, entries(3), 9 + HOUR, KEY).holes == "[[1,1,9]]"
    assert next_seal(first, entries(3), 10 + HOUR, KEY).holes == "[]"


def test_a_hole_that_no_failed_transaction_makes_stays_open() -> None:
    first = next_seal(None, entries(1, 20_000), 9, KEY)
    later = next_seal(first, entries(2), 10 + HOUR, KEY)
    assert later.open_holes() == Ranges(((3, 19_999),))


@pytest.mark.parametrize("text", ["{", "7", "[1]", '[["a",1,2]]', "[[1,2]]", "null"])
def test_holes_that_were_changed_are_refused(text: str) -> None:
    seal = replace(next_seal(None, entries(1), 9, KEY), holes=text)
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours: nobody reads the words
        seal.open_holes()


def test_a_seal_over_more_than_any_covers_was_changed() -> None:
    seal = replace(next_seal(None, entries(1), 9, KEY), ids=f"1-{MOST + 1}")
    assert flaw(None, seal, entries(1), KEY) == "The seal was changed."
