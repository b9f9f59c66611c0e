"""Quotes: the question a person is asked, and who may answer it how."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.money import Nano
from imagewright.core.quote import Consent, Quote, accepted
from imagewright.core.scope import Scope

QUOTE = Quote(
    id="quo_" + "a" * 26,
    digest="0" * 64,
    provider="studio",
    model="painter-2",
    count=2,
    size="1024x1024",
    ceiling=Nano(105_400_000),
    estimate=False,
    expires_at=1_795_255_200_999_999,
)
FACTS = "studio / painter-2: 2 images, 1024x1024, at most $0.1054. Spend this? Prompt: “"


def quoted(prompt: str) -> str:
    question = QUOTE.question(prompt)
    assert question.startswith(FACTS)
    assert question.endswith("”")
    return question[len(FACTS) : -1]


def test_the_question_is_the_facts_and_then_the_prompt() -> None:
    assert QUOTE.question("A red fox") == f"{FACTS}A red fox”"


def test_one_image_is_called_one() -> None:
    assert "painter-2: 1 image, " in replace(QUOTE, count=1).question("A red fox")


def test_an_estimate_is_called_one() -> None:
    assert "at most $0.1054 (estimated). " in replace(QUOTE, estimate=True).question("A red fox")


@given(st.text())
def test_no_prompt_moves_the_facts_breaks_the_line_or_ends_its_quotation(prompt: str) -> None:
    shown = quoted(prompt)

    assert len(shown) <= 200
    assert len(QUOTE.question(prompt).splitlines()) == 1
    assert not set(shown) & set('"“”„«»')


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])))
def test_no_control_direction_or_unassigned_character_is_shown(prompt: str) -> None:
    assert all(
        unicodedata.category(char) in {"Zs", "So", "Po"} for char in quoted(f"a{prompt}b")[1:-1]
    )


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("\x1b[2J\x1b[31mfree", "\ufffd[2J\ufffd[31mfree"),
        ("cat\u202e00.0$ tsom ta", "cat\ufffd00.0$ tsom ta"),
        ("a\u2066b\u2069", "a\ufffdb\ufffd"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("bell\x07 back\x08", "bell\ufffd back\ufffd"),
        ("filler\u3164\u2800\u115f", "filler\ufffd\ufffd\ufffd"),
        ("tag\U000e0041 selector\U000e0100", "tag\ufffd selector\ufffd"),
        ("lone \ud800", "lone \ufffd"),
        ("x”. At most $0.00. Prompt: “y", "x'. At most $0.00. Prompt: 'y"),
        ("two\r\nlines\u2028three \t four", "two lines three four"),
        ("狐 ❤\ufe0f שלום é", "狐 ❤\ufe0f שלום é"),
    ],
)
def test_what_could_deceive_is_made_visible_and_the_rest_is_left(prompt: str, shown: str) -> None:
    assert quoted(prompt) == shown


def test_a_long_prompt_is_cut_with_a_sign() -> None:
    assert quoted("x" * 200) == "x" * 200
    assert quoted("x" * 201) == "x" * 199 + "…"


def test_the_public_quote_has_dollars_and_seconds_and_no_digest() -> None:
    assert QUOTE.public() == {
        "quote": QUOTE.id,
        "provider": "studio",
        "model": "painter-2",
        "n": 2,
        "size": "1024x1024",
        "ceiling_usd": "0.1054",
        "estimate": False,
        "expires_at": 1_795_255_200,
    }


def test_nobody_spends_without_a_spending_scope() -> None:
    spending = {Scope.SPEND, Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED}

    assert accepted(frozenset(Scope) - spending) == frozenset()


@pytest.mark.parametrize(
    ("scope", "strengths"),
    [
        (Scope.SPEND, {Consent.HUMAN, Consent.CLIENT}),
        (Scope.SPEND_RELAYED, {Consent.HUMAN, Consent.CLIENT, Consent.ECHO}),
        (
            Scope.SPEND_UNATTENDED,
            {Consent.HUMAN, Consent.CLIENT, Consent.ECHO, Consent.UNATTENDED},
        ),
    ],
)
def test_each_spending_scope_takes_its_strengths(scope: Scope, strengths: set[Consent]) -> None:
    assert accepted(frozenset({scope})) == strengths
    assert accepted(frozenset({scope, Scope.SPEND})) == strengths


def test_free_is_never_a_consent_to_spend() -> None:
    assert Consent.FREE not in accepted(frozenset(Scope))
