"""Input pictures of formats that a provider does not take."""

import base64
import hashlib
from pathlib import Path

from tests.end_to_end.service import Mode, configured, running
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.pictures import encoded, facts, half_changed

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


def as_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def test_both_ways_to_draw_a_mask_reach_the_provider_as_one(
    tmp_path: Path, mode: Mode
) -> None:
    drawn = {
        "The mask changes what is transparent.": encoded(64, 64, alpha=True),
        "The mask changes what is white, for it has no alpha channel.": half_changed(64, 64),
    }
    with FakeOpenAI() as vendor:
        settings, tokens = configured(
            tmp_path / "state",
            providers__vendor__kind="openai",
            providers__vendor__base_url=vendor.base_url,
            providers__vendor__api_key=KEY,
            providers__vendor__models=[{**MODEL, "mask": True}],
        )
        async with running(settings, tokens) as service, service.client(mode=mode) as client:
            for mask in drawn.values():
                answer = await client.call_tool(
                    "edit_image",
                    {
                        "prompt": "a door",
                        "images": [as_url(encoded(64, 64))],
                        "mask": as_url(mask),
                        "provider": "vendor",
                        "variation": hashlib.sha256(mask).hexdigest(),
                    },
                )
                assert answer.structured_content is not None
                (warning,) = answer.structured_content["warnings"]
                assert drawn[warning] == mask
        sent = [received.files[-1] for received in vendor.received if received.files]
    assert [(field, kind) for field, _, kind, _ in sent] == [("mask", "image/png")] * 2
    assert sent[0][3] == sent[1][3]
    assert facts(sent[0][3]) == ("png", 64, 64, True)


async def test_a_mask_of_nothing_or_all_is_refused_before_anything_is_asked(
    tmp_path: Path, mode: Mode
) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service, service.client(mode=mode) as client:
        for shade, what in ((0, "nothing"), (255, "all")):
            answer = await client.call_tool(
                "edit_image",
                {
                    "prompt": "a door",
                    "images": [as_url(encoded(64, 64))],
                    "mask": as_url(encoded(64, 64, shade=shade)),
                    "provider": "placeholder",
                },
                raise_on_error=False,
            )
            assert answer.is_error
            assert f"The mask changes {what} of the image." in str(answer.content)
            assert "transparent" in str(answer.content)
