"""One death at each point between hold and settlement; `make prove-kill` does many."""

import random
from pathlib import Path

import pytest

from tests.fakes.openai_images import FakeOpenAI
from tests.prove.kill import once
from tests.prove.killed import Point


@pytest.mark.parametrize("point", Point)
async def test_a_death_leaves_nothing_wrong(tmp_path: Path, point: Point) -> None:
    with FakeOpenAI() as vendor:
        found = await once(tmp_path, vendor, point, random.Random(f"ordinary {point}"))
    assert found.wrong == ()
    assert found.states.total() >= 1
