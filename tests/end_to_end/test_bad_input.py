"""What cannot be done is refused with one clear code; nothing is stored and nothing charged."""

import base64
import resource
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.adapters.imaging.samples import animation, picture, png_header
from tests.end_to_end.service import OWNER, Mode, Service, configured, running
from tests.end_to_end.wire import Answer, Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script/></svg>'
LONG = "x" * 300
# What is wrong, and the code; each is the ask of an otherwise good call.
ASKS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"prompt": ""}, "invalid_request"),
    "blank": ({"prompt": " \n\t"}, "invalid_request"),
    "long": ({"prompt": "x" * 32_001}, "invalid_request"),
    "nul": ({"prompt": "a\x00b"}, "invalid_request"),
    "size": ({"size": "5000x5000"}, "unsupported"),
    "size-of-none": ({"size": "0x0"}, "invalid_request"),
    "size-of-words": ({"size": "enormous"}, "invalid_request"),
    "size-of-digits": ({"size": "9" * 16}, "invalid_request"),
    "ratio": ({"aspect_ratio": "100:1"}, "invalid_request"),
    "provider": ({"provider": "nobody"}, "unknown_provider"),
    "model": ({"model": "nothing"}, "unknown_model"),
    "quality": ({"quality": "high"}, "unsupported"),
    "n": ({"n": 99}, "invalid_request"),
    "output-svg": ({"output_format": "svg"}, "invalid_request"),
    "negative-n": ({"n": -1}, "invalid_request"),
    "seed": ({"seed": 2**60}, "invalid_request"),
    "huge-number": ({"seed": 10**40}, "invalid_request"),
    "up": ({"filename": "../x"}, "invalid_request"),
    "absolute": ({"filename": "/etc/passwd"}, "invalid_request"),
    "reserved": ({"filename": "CON"}, "invalid_request"),
    "long-name": ({"filename": LONG}, "invalid_request"),
    "hidden": ({"filename": ".env"}, "invalid_request"),
    "folder-up": ({"folder": "a/../../b"}, "invalid_request"),
    "folder-absolute": ({"folder": "/srv"}, "invalid_request"),
    "folder-reserved": ({"folder": "a/nul"}, "invalid_request"),
    "folder-long": ({"folder": LONG}, "invalid_request"),
    "folder-backslash": ({"folder": "a\\..\\b"}, "invalid_request"),
    "folder-deep": ({"folder": "/".join("a" * 20)}, "invalid_request"),
    "tag": ({"tags": ["a\nb"]}, "invalid_request"),
    "tags": ({"tags": [str(number) for number in range(17)]}, "invalid_request"),
    "variation": ({"variation": "x" * 65}, "invalid_request"),
}
IMAGES: dict[str, tuple[str, str]] = {
    "svg": (data_url(SVG, "image/svg+xml"), "invalid_image"),
    "svg-as-png": (data_url(SVG), "invalid_image"),
    "truncated": (data_url(picture("png")[:-200]), "invalid_image"),
    "header-only": (data_url(png_header(30_000, 30_000)), "image_too_large"),
    "small-header-only": (data_url(png_header(64, 64)), "invalid_image"),
    "animation": (data_url(animation("gif", 17), "image/gif"), "image_too_large"),
    "polyglot": (data_url(b"GIF89a/*" + b"<script>alert(1)</script>*/=1;"), "invalid_image"),
    "nothing": (data_url(b""), "invalid_image"),
    "no-base64": ("data:image/png,hello", "invalid_image"),
    "bad-base64": ("data:image/png;base64,@@@", "invalid_image"),
    "http": ("http://example.com/a.png", "invalid_request"),
    "private": ("https://127.0.0.1/a.png", "invalid_request"),
    "metadata": ("https://169.254.169.254/latest/meta-data", "invalid_request"),
    "private-v6": ("https://[::1]/a.png", "invalid_request"),
    "named-private": ("https://localhost/a.png", "invalid_request"),
    "with-password": ("https://a:b@example.com/a.png", "invalid_request"),
    "file": ("/etc/passwd", "invalid_request"),
    "file-url": ("file:///etc/passwd", "invalid_request"),
    "no-such-image": (f"img_{'a' * 26}", "not_found"),
    "traversal": ("image://../../etc/passwd", "invalid_request"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings, tokens = configured(tmp_path_factory.mktemp("bad") / "state")
    async with running(settings, tokens) as found:
        yield found


async def kept(peer: Peer) -> tuple[int, int, str]:
    """Images, jobs, and what was spent."""
    images = (await peer.call("list_images")).result["structuredContent"]["total"]
    jobs = (await peer.call("list_jobs")).result["structuredContent"]["jobs"]
    usage = (await peer.call("get_usage")).result["structuredContent"]["allowances"]
    return images, len(jobs), str([(each["held_usd"], each["settled_usd"]) for each in usage])


def assert_clear(answer: Answer, code: str) -> None:
    assert answer.result["isError"]
    assert answer.error["code"] == code
    assert answer.error["retry"] in {"changed", "never"}
    assert answer.error["message"]
    assert len(answer.result["content"]) == 1


@pytest.mark.parametrize("case", ASKS)
async def test_a_bad_ask(shared: Service, mode: Mode, case: str) -> None:
    wrong, code = ASKS[case]
    async with shared.http() as http:
        peer = Peer(http, mode)
        before = await kept(peer)
        answer = await peer.call("generate_image", **{"prompt": "a hill", "n": 1, **wrong})
        assert_clear(answer, code)
        assert answer.error["hint"]
        assert await kept(peer) == before
    if code == "unsupported" and "size" in wrong:
        assert "1024x1024" in answer.error["hint"]
    if code.startswith("unknown"):
        assert "placeholder" in answer.error["hint"]
    if case == "output-svg":
        assert "scripts" in answer.error["message"]


@pytest.mark.parametrize("case", IMAGES)
async def test_a_bad_image(shared: Service, mode: Mode, case: str) -> None:
    image, code = IMAGES[case]
    good = data_url(picture("png", 40, 30))
    async with shared.http() as http:
        peer = Peer(http, mode)
        before = await kept(peer)
        answer = await peer.call("edit_image", prompt="in blue", images=[image])
        assert_clear(answer, code)
        assert await kept(peer) == before
        masked = await peer.call("edit_image", prompt="in blue", images=[good], mask=image)
        assert_clear(masked, code)


async def test_an_edit_that_is_refused_stores_no_input(shared: Service, mode: Mode) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        before = await kept(peer)
        for wrong in ({"size": "9x9x9"}, {"provider": "nobody"}, {"folder": "../a"}):
            fresh = data_url(picture("png", 50 + len(str(wrong)), 30))
            answer = await peer.call("edit_image", prompt="in blue", images=[fresh], **wrong)
            assert answer.result["isError"]
        assert await kept(peer) == before


async def test_a_rendition_beyond_measure_costs_nothing(shared: Service, mode: Mode) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        made = await peer.call("generate_image", prompt="a hill", size="64x64")
        uri = made.result["structuredContent"]["images"][0]["uri"]
        await peer.read(f"{uri}?width=32")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            refused = await peer.read(f"{uri}?width=100000&height=100000&format=png")
            seconds.append(time.perf_counter() - began)
            assert refused.error["data"]["code"] == "invalid_request"
        assert min(seconds) < 0.05
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 8 * 1024
        for query in (
            "width=0",
            "width=-1",
            "width=1e9",
            "quality=101",
            "format=svg",
            "width=%D9%A3",
        ):
            odd = await peer.read(f"{uri}?{query}")
            assert odd.error["data"]["code"] == "invalid_request", query


async def test_half_a_surrogate_pair_is_no_text(shared: Service, mode: Mode) -> None:
    bad: tuple[dict[str, Any], ...] = (
        {"prompt": "a\ud800b"},
        {"prompt": "x", "tags": ["\udfff"]},
        {"prompt": "x", "bog\ud800us": 1},
    )
    async with shared.http() as http:
        peer = Peer(http, mode)
        before = await kept(peer)
        for arguments in bad:
            answer = await peer.call("generate_image", **arguments)
            if mode == "legacy":
                # The SDK's own reader of that era takes no such JSON.
                assert (answer.status, answer.message["error"]["code"]) == (400, -32700)
            else:
                assert_clear(answer, "invalid_request")
        assert await kept(peer) == before


async def test_an_oversized_body_is_refused(shared: Service, mode: Mode) -> None:
    async with shared.http(OWNER) as http:
        answer = await Peer(http, mode).call("generate_image", prompt="x" * (5 * 1024 * 1024))
    assert answer.status == 413
