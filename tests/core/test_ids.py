"""Identifiers: a kind and 128 random bits, and nothing else is one."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ids import Kind, is_id, new_id

KINDS = st.sampled_from(Kind)
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
LAST = "aeimquy4"


@given(kind=KINDS, drawn=st.binary(min_size=26, max_size=26))
def test_an_id_is_its_kind_and_a_letter_for_each_byte(kind: Kind, drawn: bytes) -> None:
    made = new_id(kind, lambda count: drawn[:count])

    letters = "".join(LETTERS[byte % 32] for byte in drawn[:25])
    assert made == f"{kind.value}_{letters}{LAST[drawn[25] % 8]}"
    assert is_id(kind, made)


def _drawn(source: Iterator[int], count: int) -> bytes:
    return bytes(itertools.islice(source, count))


def test_all_letters_of_all_places_are_equally_likely() -> None:
    sources = [itertools.repeat(byte) for byte in range(256)]
    made = [new_id(Kind.IMAGE, partial(_drawn, source)) for source in sources]

    assert set(Counter(one[4] for one in made).values()) == {8}
    assert set(Counter(one[-2] for one in made).values()) == {8}
    assert set(Counter(one[-1] for one in made).values()) == {32}


@given(
    kind=KINDS,
    letters=st.text(LETTERS, min_size=26, max_size=26),
    last=st.sampled_from(LETTERS),
)
def test_the_pattern_accepts_only_what_new_id_can_make(kind: Kind, letters: str, last: str) -> None:
    letters = letters[:25] + last
    assert is_id(kind, f"{kind}_{letters}") == (last in LAST)


@given(
    kind=KINDS, text=st.from_regex(re.compile(r"(img|job|quo|inc)_[a-z2-7]{24,28}\n?", re.ASCII))
)
def test_an_accepted_text_is_as_long_as_an_id(kind: Kind, text: str) -> None:
    if is_id(kind, text):
        assert len(text) == 30


@pytest.mark.parametrize(
    "text",
    [
        "",
        "img_",
        "img_" + "a" * 25,
        "img_" + "a" * 27,
        "img_" + "a" * 25 + "b",
        "img_" + "A" * 26,
        "img_" + "1" * 26,
        "job_" + "a" * 26,
        " img_" + "a" * 26,
        "img_" + "a" * 26 + "\n",
        "img-" + "a" * 26,
    ],
)
def test_anything_else_is_not_an_image_id(text: str) -> None:
    assert not is_id(Kind.IMAGE, text)
