"""Callers: an opaque subject of one of three forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.caller import LOCAL, Caller, Credential, check_subject, proof_of
from imagewright.core.errors import InvalidRequest


@pytest.mark.parametrize(
    "subject", [LOCAL, "user:alice@example.com", "service:ci-bot", "user:a b", "user:" + "x" * 248]
)
def test_a_subject_of_a_known_form_is_kept_as_it_is(subject: str) -> None:
    assert check_subject(subject) == subject
    assert Caller(subject=subject).subject == subject


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "alice",
        "user:",
        "group:design",
        "User:alice",
        "local:x",
        "LOCAL",
        "user: alice",
        "user:alice ",
        "user:alice\n",
        "user:al\x00ice",
        "user:älice",
        "user:" + "x" * 249,
    ],
)
def test_no_caller_is_made_of_another_subject(subject: str) -> None:
    with pytest.raises(InvalidRequest, match="subject"):
        Caller(subject=subject)


@given(st.text())
def test_an_accepted_subject_is_printable_ascii_of_bounded_length(text: str) -> None:
    try:
        subject = check_subject(f"user:{text}")
    except InvalidRequest:
        return
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) <= 253


def test_a_credential_is_only_ever_narrowed() -> None:
    wide, narrow = Credential(id="a"), Credential(id="a", scopes=frozenset({"images:read"}))
    both = frozenset({"images:read", "images:write"})
    assert wide.narrowed(None) == wide
    assert narrow.narrowed(None) == narrow
    assert wide.narrowed(both).scopes == both
    assert narrow.narrowed(both) == narrow
    assert narrow.narrowed(frozenset()).scopes == frozenset()


def test_a_proof_is_of_one_token_for_one_caller() -> None:
    who = Caller(subject="user:a", groups=frozenset({"x", "y"}), name="A")
    again = Caller(subject="user:a", groups=frozenset({"y", "x"}), name="B")
    assert proof_of("00", who) == proof_of("00", again)
    others = [
        proof_of("00", who),
        proof_of("01", who),
        proof_of("00", Caller(subject="user:b", groups=who.groups)),
        proof_of("00", Caller(subject="user:a")),
        proof_of("00", Caller(subject="user:a", groups=frozenset({"x y"}))),
    ]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(
    ("scopes", "only"),
    [
        (None, False),
        (frozenset(), False),
        (frozenset({"approve"}), True),
        (frozenset({"approve", "spend"}), False),
        (frozenset({"spend"}), False),
    ],
)
def test_what_is_for_approving_alone(scopes: frozenset[str] | None, *, only: bool) -> None:
    assert Credential(id="a", scopes=scopes).approves_only is only
