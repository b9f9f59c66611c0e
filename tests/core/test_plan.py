"""Plans: written to the jobs table and read back whole."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given

from imagewright.core.ask import Background, Quality
from imagewright.core.errors import InvalidRequest
from imagewright.core.picture import Format
from imagewright.core.plan import Plan, read_plan
from imagewright.core.size import Size
from tests.core.examples import EDIT, PLAN
from tests.core.strategies import plans

OTHERWISE: dict[str, Any] = {
    "ask": EDIT,
    "provider": "local",
    "model": "sketcher",
    "upstream": "sketcher",
    "prompt": "A fox",
    "negative_prompt": "dogs",
    "size": Size(512, 512),
    "quality": Quality.HIGH,
    "background": Background.OPAQUE,
    "output_format": Format.WEBP,
    "output_compression": 80,
    "size_name": "1:1/1K",
    "per_call": 1,
    "options": (("steps", 20),),
    "asked": "0" * 64,
    "reason": "the operator prefers it",
    "fallbacks": (PLAN,),
    "resumed": True,
    "warnings": ("translated",),
}


@given(plans)
def test_a_plan_written_and_read_is_the_same(plan: Plan) -> None:
    again = read_plan(plan.canonical())

    assert again == plan
    assert again.digest() == plan.digest()
    assert hash(again) == hash(plan)


@pytest.mark.parametrize("field", [field.name for field in fields(Plan)])
def test_consent_to_one_plan_is_none_to_another(field: str) -> None:
    assert replace(PLAN, **{field: OTHERWISE[field]}).digest() != PLAN.digest()


def test_a_stored_plan_is_checked_again_when_it_is_read() -> None:
    with pytest.raises(InvalidRequest, match="n is 99"):
        read_plan(PLAN.canonical().replace('"n":1', '"n":99'))


def test_the_canonical_plan_is_pinned() -> None:
    assert PLAN.digest() == "0c9bed495c0ed75cd67604544de8a91ab6f7eba53e91e7025fb0bc018a5cba07"
