"""Input pictures of formats that a provider does not take."""

import base64
from pathlib import Path

from tests.end_to_end.service import Mode, configured, running
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.pictures import encoded

MODEL = {
    "id": "sketch",
    "sizes": {"listed": ["64x64"]},
    "inputs": ["png"],
    "references": 4,
    "price": {"per": "image", "prices": {"*": "0"}},
}


async def test_a_gif_is_sent_as_png_and_the_result_says_so(tmp_path: Path, mode: Mode) -> None:
    gif = base64.b64encode(encoded(64, 64, "gif")).decode()
    with FakeOpenAI() as vendor:
        settings, tokens = configured(
            tmp_path / "state",
            providers__vendor__kind="openai",
            providers__vendor__base_url=vendor.base_url,
            providers__vendor__api_key=KEY,
            providers__vendor__models=[MODEL],
        )
        async with running(settings, tokens) as service, service.client(mode=mode) as client:
            answer = await client.call_tool(
                "edit_image",
                {
                    "prompt": "in colour",
                    "images": [f"data:image/gif;base64,{gif}"],
                    "provider": "vendor",
                },
            )
        ((field, _, kind, data),) = vendor.received[-1].files
    assert (field, kind) == ("image[]", "image/png")
    assert data.startswith(b"\x89PNG")
    assert answer.structured_content is not None
    (warning,) = answer.structured_content["warnings"]
    assert warning.startswith("sketch takes no gif: img_")
