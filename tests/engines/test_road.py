"""The road from a token to a stored image, on a real diffusion engine."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.service import Mode, Service, configured, running
from tests.engines.sdserver.engine import Engine
from tests.fakes.pictures import encoded

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    era: Mode = request.param
    return era


@pytest.fixture
async def service(sd_engine: Engine, tmp_path: Path) -> AsyncIterator[Service]:
    model = {
        "id": "sdxs",
        "title": "SDXS on this machine",
        "sizes": {"listed": ["64x64", "128x64"], "fallback": "64x64"},
        "formats": ["png", "jpeg", "webp"],
        "count": 4,
        "references": 4,
        "mask": True,
        "price": {"per": "image", "prices": {"*": "0"}},
    }
    settings, tokens = configured(
        tmp_path / "state",
        providers__engine__kind="openai_compatible",
        providers__engine__base_url=sd_engine.base_url,
        providers__engine__concurrency=1,
        providers__engine__dialect="sd-server",
        providers__engine__models=[model],
        limits__wait=300,
    )
    async with running(settings, tokens) as found:
        yield found


async def call(service: Service, mode: Mode, tool: str, **arguments: Any) -> dict[str, Any]:
    async with service.client(mode=mode, timeout=600) as client:
        answer = await client.call_tool(tool, {"provider": "engine", **arguments})
    assert answer.structured_content is not None
    return dict(answer.structured_content)


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_it_makes_two_images_of_every_format(service: Service, mode: Mode, form: str) -> None:
    made = await call(
        service, mode, "generate_image", prompt="a fox", n=2, size="64x64", output_format=form
    )
    facts = [(each["width"], each["height"], each["mime"]) for each in made["images"]]
    assert facts == [(64, 64, f"image/{form}")] * 2


async def test_it_edits_behind_a_mask_and_keeps_the_lineage(service: Service, mode: Mode) -> None:
    first = await call(service, mode, "generate_image", prompt="a fox", size="64x64")
    source = first["images"][0]["id"]
    mask = base64.b64encode(encoded(64, 64, alpha=True)).decode()
    edited = await call(
        service,
        mode,
        "edit_image",
        prompt="a fox in snow",
        images=[source],
        mask=f"data:image/png;base64,{mask}",
        size="64x64",
    )
    parents = edited["images"][0]["parents"]
    assert [parent["role"] for parent in parents] == ["reference", "mask"]
    assert parents[0]["image"] == source
