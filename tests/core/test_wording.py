"""The operator's words: before and around the caller's, which stay whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.errors import InvalidRequest, Unsupported
from imagewright.core.wording import NO_TEMPLATE, Wording
from tests.core.strategies import words

HOUSE = Wording(prefix="不改写:", templates={"house": "In our style: {prompt}, on white."})


@given(prompt=words | st.just("{prompt} {0} {x}"))
def test_the_callers_words_stay_whole(prompt: str) -> None:
    assert HOUSE.around(prompt, "house") == f"不改写:In our style: {prompt}, on white."
    assert HOUSE.around(prompt, None) == HOUSE.around(prompt, NO_TEMPLATE) == f"不改写:{prompt}"
    assert Wording().around(prompt, None) == prompt


def test_a_template_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(Unsupported) as refused:
        HOUSE.around("a fox", "mansion")
    assert refused.value.hint == "Templates are: house, none."


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("none", "{prompt}"),
        ("House", "{prompt}"),
        ("", "{prompt}"),
        ("a" * 33, "{prompt}"),
        ("house", "no place for it"),
        ("house", "{prompt} twice {prompt}"),
        ("house", "{ prompt }"),
    ],
)
def test_what_is_no_template_is_refused(name: str, template: str) -> None:
    with pytest.raises(InvalidRequest):
        Wording(templates={name: template})
