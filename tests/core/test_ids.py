"""Identifiers: a kind and 128 random bits, and nothing else is one."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ids import Kind, is_id, new_id

KINDS = st.sampled_from(Kind)
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@given(kind=KINDS, bits=st.binary(min_size=16, max_size=16))
def test_an_id_is_its_kind_and_all_of_its_128_bits(kind: Kind, bits: bytes) -> None:
    made = new_id(kind, lambda count: bits[:count])

    prefix, _, letters = made.partition("_")
    assert prefix == kind.value
    assert base64.b32decode(letters.upper() + "======") == bits
    assert is_id(kind, made)


def test_exactly_sixteen_random_bytes_are_asked_for() -> None:
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    assert new_id(Kind.IMAGE, random) == "img_" + "a" * 26
    assert asked == [16]


@given(
    kind=KINDS,
    letters=st.text(LETTERS, min_size=26, max_size=26),
    last=st.sampled_from(LETTERS),
)
def test_the_pattern_accepts_only_what_new_id_can_make(kind: Kind, letters: str, last: str) -> None:
    letters = letters[:25] + last
    bits = base64.b32decode(letters.upper() + "======")
    again = new_id(kind, lambda _: bits)

    assert is_id(kind, f"{kind}_{letters}") == (again == f"{kind}_{letters}")


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
