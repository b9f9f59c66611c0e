"""Conversations: what a later turn is told of those before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.conversation import MAX_EARLIER, Continued, conversation_of, recent, retold
from imagewright.core.ids import Kind, is_id

CONTINUED = Continued(
    image="img_a",
    conversation="cnv_a",
    provider="studio",
    model="painter-2",
    left=True,
    earlier=("A fox",),
)


def test_a_conversation_is_named_for_the_image_it_begins_with() -> None:
    id_ = conversation_of("img_" + "b" * 25 + "e")
    assert id_ == "cnv_" + "b" * 25 + "e"
    assert is_id(Kind.CONVERSATION, id_)


@pytest.mark.parametrize(
    ("provider", "model", "can"),
    [("studio", "painter-2", True), ("studio", "painter-1", False), ("local", "painter-2", False)],
)
def test_only_the_model_that_left_something_goes_on_from_it(
    provider: str, model: str, can: bool
) -> None:
    assert CONTINUED.left_with(provider, model) is can


def test_earlier_prompts_stand_before_the_new_one() -> None:
    assert retold(("a fox", "in snow"), "larger", 100) == (
        "Earlier: a fox\nEarlier: in snow\nNow: larger",
        0,
    )


def test_the_oldest_prompts_give_way() -> None:
    assert retold(("x" * 80, "in snow"), "larger", 22) == ("Earlier: in snow\nNow: larger", 1)
    assert retold(("x" * 80, "in snow"), "larger", 21) == ("larger", 2)
    assert retold((), "larger", 0) == ("larger", 0)


@given(st.lists(st.text(max_size=30), max_size=9), st.text(), st.integers(-9, 300))
def test_what_is_told_fits(earlier: list[str], prompt: str, room: int) -> None:
    told, dropped = retold(earlier, prompt, room)
    assert told.endswith(prompt)
    assert len(told) - len(prompt) <= max(room, 0)
    assert all(f"Earlier: {each}\n" in told for each in earlier[dropped:])


def test_the_newest_prompts_are_kept_as_far_as_they_fit() -> None:
    assert recent(iter(("c", "bb", "a")), 3) == (("bb", "c"), True)
    assert recent(iter(("c", "bb", "a")), 4) == (("a", "bb", "c"), False)
    assert recent(iter(()), 0) == ((), False)
    many = recent(iter("x" * (MAX_EARLIER + 1)), 1000)
    assert (len(many[0]), many[1]) == (MAX_EARLIER, True)
