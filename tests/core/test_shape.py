"""Shapes tell what was given and how large, and nothing that was said."""

import json

import pytest

from imagewright.core.ask import MAX_PROMPT, Action, Ask, Quality, Reference
from imagewright.core.picture import Format
from imagewright.core.shape import Shaper
from imagewright.core.size import Size

SHAPER = Shaper(key=b"k" * 32)
SECRET = "an unmistakable pangolin"


def shape(**given: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(SHAPER.arguments(given))
    return found


def test_sizes_are_told_and_no_values() -> None:
    assert shape(
        text=SECRET, tags=[SECRET] * 3, n=7, derived=True, nothing=None, deep={"a": 1}
    ) == {
        "text": "24 characters",
        "tags": "3 items",
        "n": "given",
        "derived": "given",
        "nothing": "given",
        "deep": "1 items",
    }


def test_a_prompt_is_a_keyed_hash() -> None:
    one, two = shape(prompt=SECRET), shape(negative_prompt=SECRET)
    assert one["prompt"] == two["negative_prompt"]
    assert one["prompt"] != shape(prompt="a fox")["prompt"]
    other = Shaper(key=b"x" * 32).arguments({"prompt": SECRET})
    assert json.loads(other)["prompt"]["hmac"] != one["prompt"]["hmac"]  # type: ignore[index]  # an object
    assert "pangolin" not in repr((one, two))


def test_a_prompt_is_text_where_the_operator_says_so() -> None:
    told = json.loads(Shaper(key=b"k", text=True).arguments({"prompt": SECRET, "style": SECRET}))
    assert told == {"prompt": {"characters": 24, "text": SECRET}, "style": "24 characters"}
    long = json.loads(Shaper(key=b"k", text=True).arguments({"prompt": "a" * 99_999}))
    assert long["prompt"] == {"characters": 99_999, "text": "a" * MAX_PROMPT}


def test_a_prompt_that_is_no_text_is_no_more_than_given() -> None:
    assert shape(prompt=["a"], negative_prompt=7) == {
        "prompt": "1 items",
        "negative_prompt": "given",
    }


@pytest.mark.parametrize("prompt", ["\x00", "\ud800", "🦔"])
def test_any_text_has_a_hash_and_a_form_that_is_ascii(prompt: str) -> None:
    assert SHAPER.arguments({"prompt": prompt}).isascii()
    assert Shaper(key=b"k", text=True).arguments({"prompt": prompt}).isascii()


def test_strange_names_and_a_flood_of_names_are_left_out() -> None:
    assert shape(**{"a b": 1, "A": 1, "x" * 33: 1, "ok_1": 1}) == {"ok_1": "given"}
    assert len(shape(**{f"a{place}": 1 for place in range(99)})) == 32


def test_an_ask_tells_what_is_not_the_default() -> None:
    picture = Reference(image="img_a", sha256="", size=Size(1, 1), format=Format.PNG, alpha=True)
    ask = Ask(
        action=Action.EDIT,
        prompt=SECRET,
        quality=Quality.AUTO,
        n=3,
        tags=("a", "b"),
        references=(picture,),
        strength=0.5,
    )
    told = json.loads(SHAPER.ask(ask))
    assert told.pop("prompt") == shape(prompt=SECRET)["prompt"]
    assert told == {
        "action": "4 characters",
        "n": "given",
        "references": "1 items",
        "strength": "given",
        "tags": "2 items",
    }


def test_the_key_does_not_show() -> None:
    assert "kkk" not in repr(SHAPER)
