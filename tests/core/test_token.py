import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.errors import InvalidRequest
from imagewright.core.token import (
    check_token,
    check_token_id,
    is_whole,
    mint,
    new_token_id,
)

TOKEN = mint(lambda count: bytes(range(count)))
random_bytes = st.binary(min_size=23, max_size=23)


@given(random_bytes)
def test_a_minted_token_is_whole_and_has_the_form_that_scanners_look_for(data: bytes) -> None:
    token = mint(lambda count: data)
    assert re.fullmatch("iw_[0-9A-Za-z]{38}", token)
    assert is_whole(token)
    assert check_token(token) == token


@given(random_bytes, random_bytes)
def test_two_draws_make_two_tokens(one: bytes, other: bytes) -> None:
    assert (mint(lambda count: one) == mint(lambda count: other)) == (one == other)


@given(st.integers(3, 40), st.sampled_from("0123456789ABCDEFabcdef"))
def test_a_changed_character_shows(at: int, char: str) -> None:
    changed = TOKEN[:at] + char + TOKEN[at + 1 :]
    assert is_whole(changed) == (changed == TOKEN)


@pytest.mark.parametrize("text", ["", "iw_", TOKEN[:-1], TOKEN + "a", TOKEN + "\n", "x" + TOKEN])
def test_what_is_no_whole_token(text: str) -> None:
    assert not is_whole(text)


@pytest.mark.parametrize(
    "text", ["short", "x" * 21, "x" * 513, "with a space in the middle of it", "ü" * 30]
)
def test_tokens_that_can_be_guessed_or_sent_by_nobody_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_token(text)
    assert text not in str(refused.value.public()) or not text


def test_a_cut_token_of_ours_is_refused_and_a_long_foreign_one_is_not() -> None:
    with pytest.raises(InvalidRequest, match="checksum"):
        check_token(TOKEN[:-1])
    assert check_token("x" * 22) == "x" * 22


def test_every_changed_pair_of_neighbours_shows() -> None:
    """CRC-32 finds every burst of up to 32 bits: a transposed pair is one."""
    for at in range(3, len(TOKEN) - 1):
        one, other = TOKEN[at], TOKEN[at + 1]
        turned = TOKEN[:at] + other + one + TOKEN[at + 2 :]
        assert is_whole(turned) == (one == other)


@pytest.mark.parametrize(
    "text", ["tok_", "alice", "tok_A", "tok_a b", "tok_a\n", "tok_" + "a" * 41]
)
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(InvalidRequest):
        check_token_id(text)


def test_an_operators_own_id() -> None:
    assert check_token_id("tok_alice-laptop_2") == "tok_alice-laptop_2"


def test_token_ids_are_short() -> None:
    assert re.fullmatch("tok_[a-z2-7]{8}", new_token_id(bytes))
