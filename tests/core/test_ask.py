"""Asks: checked where they are made, and the same ask has the same digest."""

import hashlib
import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given

from imagewright.core.ask import (
    MAX_PROMPT,
    RATIOS,
    Ask,
    Background,
    Fidelity,
    Moderation,
    Quality,
    Reference,
    canonical,
)
from imagewright.core.conversation import Continued
from imagewright.core.errors import InvalidRequest
from imagewright.core.picture import Format
from imagewright.core.size import Size
from tests.core.examples import ASK, EDIT, OTHER, PHOTO
from tests.core.strategies import asks

CONTINUED = Continued(
    image=PHOTO.image,
    conversation="cnv_a",
    provider="studio",
    model="painter-2",
    left=False,
    earlier=("A fox",),
)
OTHERWISE: dict[str, Any] = {
    "economy": 24,
    "continued": CONTINUED,
    "prompt": "A red fox.",
    "provider": "studio",
    "model": "painter-2",
    "n": 2,
    "size": "1024x1024",
    "aspect_ratio": "1:1",
    "quality": Quality.LOW,
    "background": Background.OPAQUE,
    "output_format": Format.PNG,
    "output_compression": 0,
    "negative_prompt": "dogs",
    "seed": 0,
    "moderation": Moderation.AUTO,
    "partial_images": 1,
    "folder": "foxes",
    "filename": "fox",
    "tags": ("fox",),
    "variation": "",
    "references": (PHOTO, PHOTO),
    "mask": PHOTO,
    "strength": 0.0,
    "input_fidelity": Fidelity.LOW,
    "template": "none",
    "left": ("n",),
}
ONLY_EDITS = {"references", "continued", "mask", "strength", "input_fidelity"}


def changed(ask: Ask, field: str, value: object) -> Ask:
    changes: dict[str, Any] = {field: value}
    return replace(ask, **changes)


@pytest.mark.parametrize("prompt", ["x" * MAX_PROMPT, "狐", "🦊", "line\nline"])
def test_a_prompt_of_valid_text_is_kept_as_it_is(prompt: str) -> None:
    assert replace(ASK, prompt=prompt).prompt == prompt


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("x" * (MAX_PROMPT + 1), "32001 characters; at most 32000"),
        ("a\x00b", "NUL"),
        ("a\ud800", "surrogate"),
        ("\udfffa", "surrogate"),
    ],
)
def test_a_prompt_that_is_empty_too_long_or_no_text_is_refused(
    field: str, text: str, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        changed(ASK, field, text)

    assert f"The {field} " in refused.value.sentence


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 0),
        ("n", 11),
        ("output_compression", -1),
        ("output_compression", 101),
        ("seed", -1),
        ("seed", 2**53),
        ("partial_images", -1),
        ("partial_images", 4),
        ("strength", -0.01),
        ("strength", 1.01),
        ("strength", float("nan")),
        ("strength", float("inf")),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field} is ") as refused:
        changed(EDIT, field, value)

    assert refused.value.details == {"argument": field}


@pytest.mark.parametrize(
    ("field", "value"),
    [("n", 1), ("n", 10), ("output_compression", 100), ("seed", 2**53 - 1), ("partial_images", 3)],
)
def test_the_ends_of_a_range_belong_to_it(field: str, value: int) -> None:
    assert getattr(changed(ASK, field, value), field) == value


@pytest.mark.parametrize("size", ["auto", "square", "landscape", "portrait", "1024x768", "7x9"])
def test_a_size_is_auto_a_preset_or_pixels(size: str) -> None:
    assert replace(ASK, size=size).size == size


@pytest.mark.parametrize("size", ["", "big", "1024", "0x0", "Square"])
def test_another_size_is_refused(size: str) -> None:
    with pytest.raises(InvalidRequest, match="WIDTHxHEIGHT"):
        replace(ASK, size=size)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_known_ratio_is_accepted(ratio: str) -> None:
    assert replace(ASK, aspect_ratio=ratio).aspect_ratio == ratio


@pytest.mark.parametrize("ratio", ["", "auto", "2:1", "3:6", "1:1\n", "1/1"])
def test_an_unknown_ratio_is_refused_with_those_there_are(ratio: str) -> None:
    with pytest.raises(InvalidRequest, match="no such aspect ratio") as refused:
        replace(ASK, aspect_ratio=ratio)

    assert "21:9" in refused.value.hint


@pytest.mark.parametrize(("size", "what"), [("square", "preset"), ("1024x1024", "in pixels")])
def test_a_size_and_a_ratio_together_are_refused(size: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=f"A size {what} and an aspect ratio"):
        replace(ASK, size=size, aspect_ratio="1:1")


@pytest.mark.parametrize(
    "inputs",
    [
        {"references": (PHOTO,)},
        {"mask": PHOTO},
        {"strength": 0.0},
        {"input_fidelity": Fidelity.LOW},
        {"continued": CONTINUED},
    ],
)
def test_a_generation_takes_no_inputs(inputs: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="edit_image"):
        replace(ASK, **inputs)


def test_what_is_gone_on_from_is_the_first_input() -> None:
    assert replace(EDIT, references=(PHOTO, OTHER), continued=CONTINUED).continued == CONTINUED
    with pytest.raises(InvalidRequest, match="not the first"):
        replace(EDIT, references=(OTHER, PHOTO), continued=CONTINUED)


@pytest.mark.parametrize("mask", [None, PHOTO])
def test_an_edit_without_an_image_is_refused(mask: Reference | None) -> None:
    with pytest.raises(InvalidRequest, match="no image to edit"):
        replace(EDIT, references=(), mask=mask)


def test_an_edit_takes_sixteen_images_and_not_one_more() -> None:
    assert len(replace(EDIT, references=(PHOTO,) * 16).references) == 16
    with pytest.raises(InvalidRequest, match="17 images were given; at most 16"):
        replace(EDIT, references=(PHOTO,) * 17)


def test_a_mask_must_be_as_large_as_the_first_image() -> None:
    assert replace(EDIT, references=(PHOTO, OTHER), mask=PHOTO).mask == PHOTO
    with pytest.raises(InvalidRequest, match="1536x1024, the first image 1024x1024"):
        replace(EDIT, references=(PHOTO, OTHER), mask=OTHER)


@pytest.mark.parametrize("field", ["folder", "filename"])
@pytest.mark.parametrize("name", ["..", "a\x00b", ".hidden", "con"])
def test_a_name_that_no_file_may_have_is_refused(field: str, name: str) -> None:
    with pytest.raises(InvalidRequest, match="name cannot be used"):
        changed(ASK, field, name)


def test_names_folders_and_tags_are_kept_in_one_unicode_form() -> None:
    ask = replace(ASK, folder="cafe\u0301", filename="cafe\u0301", tags=("cafe\u0301", "café"))

    assert (ask.folder, ask.filename, ask.tags) == ("café", "café", ("café",))


def test_a_tag_that_no_file_may_be_named_by_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="name cannot be used"):
        replace(ASK, tags=("good", "a/b"))


def test_sixteen_tags_are_the_most() -> None:
    tags = tuple(f"tag {place}" for place in range(17))

    assert replace(ASK, tags=tags[:16]).tags == tags[:16]
    with pytest.raises(InvalidRequest, match="number of tags is 17"):
        replace(ASK, tags=tags)


@pytest.mark.parametrize("variation", ["x" * 65, "a\x00", "\ud800"])
def test_a_variation_is_short_valid_text(variation: str) -> None:
    with pytest.raises(InvalidRequest, match="The variation "):
        replace(ASK, variation=variation)


@given(asks())
def test_the_same_ask_has_the_same_digest(ask: Ask) -> None:
    again = replace(ask)

    assert again == ask
    assert again.digest() == ask.digest()


@given(asks(), asks())
def test_only_the_same_ask_has_the_same_digest(one: Ask, other: Ask) -> None:
    assert (one.digest() == other.digest()) == (one == other)


@pytest.mark.parametrize("field", [field.name for field in fields(Ask) if field.name != "action"])
def test_every_field_changes_the_digest(field: str) -> None:
    start = EDIT if field in ONLY_EDITS else ASK

    assert changed(start, field, OTHERWISE[field]).digest() != start.digest()


def test_the_action_changes_the_digest() -> None:
    said = {name: value for name, value in asdict(EDIT).items() if value is not None}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    as_if = text.replace('"edit"', '"generate"')

    assert hashlib.sha256(text.encode()).hexdigest() == EDIT.digest()
    assert hashlib.sha256(as_if.encode()).hexdigest() != EDIT.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"image": "img_" + "c" * 25 + "e"},
        {"sha256": "f" * 64},
        {"size": Size(1024, 1025)},
        {"format": Format.WEBP},
        {"alpha": True},
    ],
)
def test_every_fact_of_an_input_image_changes_the_digest(change: dict[str, Any]) -> None:
    other = replace(EDIT, references=(replace(PHOTO, **change),))

    assert other.digest() != EDIT.digest()


def test_the_order_of_input_images_changes_the_digest() -> None:
    one = replace(EDIT, references=(PHOTO, OTHER))

    assert one.digest() != replace(EDIT, references=(OTHER, PHOTO)).digest()


@pytest.mark.parametrize(("given_as", "same_as"), [(1, 1.0), (0, 0.0), (-0.0, 0.0)])
def test_a_strength_is_the_same_however_it_is_written(given_as: float, same_as: float) -> None:
    one = replace(EDIT, strength=given_as)

    assert one.digest() == replace(EDIT, strength=same_as).digest()


def test_the_canonical_form_is_pinned() -> None:
    assert canonical(replace(ASK, prompt="Füchse", n=2, tags=("a", "b"))) == (
        '{"action":"generate","aspect_ratio":null,"background":"auto","continued":null,"economy":null,"filename":null,"folder":"",'
        '"input_fidelity":null,"left":[],"mask":null,"model":"auto","moderation":null,"n":2,'
        '"negative_prompt":null,"output_compression":null,"output_format":null,'
        '"partial_images":0,"prompt":"F\\u00fcchse","provider":"auto","quality":"auto",'
        '"references":[],"seed":null,"size":"auto","strength":null,"tags":["a","b"],'
        '"template":null,"variation":null}'
    )


def test_the_digest_is_pinned_so_that_an_ask_is_the_same_to_a_newer_program() -> None:
    assert EDIT.digest() == "b80bc9e3ee51f3fcd9f3f438e83449ceb84b92528fe8f3a5bf33835f47f92f9a"
    assert json.loads(canonical(EDIT))["references"][0]["size"] == {"width": 1024, "height": 1024}


@pytest.mark.parametrize("hours", [1, 24, 72])
def test_it_may_take_so_many_hours(hours: int) -> None:
    assert Ask(prompt="x", economy=hours).economy == hours


@pytest.mark.parametrize("hours", [0, -1, 73])
def test_it_may_take_no_other_number_of_hours(hours: int) -> None:
    with pytest.raises(InvalidRequest, match="economy"):
        Ask(prompt="x", economy=hours)


def test_what_takes_hours_sends_no_partial_images() -> None:
    with pytest.raises(InvalidRequest, match="partial"):
        Ask(prompt="x", economy=24, partial_images=1)
