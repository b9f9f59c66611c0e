"""Images as resources: views, conversions, metadata with lineage, lists."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.adapters.imaging.samples import load
from tests.end_to_end.service import OWNER, Mode, Service, configured, running
from tests.end_to_end.wire import Answer, Json, Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings, tokens = configured(tmp_path_factory.mktemp("views") / "state")
    async with running(settings, tokens) as found:
        yield found


async def made(peer: Peer, tool: str = "generate_image", **more: Any) -> Json:
    asked = {"prompt": "a lake", "size": "200x100", "background": "transparent", **more}
    answer = await peer.call(tool, **asked)
    image: Json = answer.result["structuredContent"]["images"][0]
    return image


def content(answer: Answer) -> tuple[str, bytes]:
    (found,) = answer.result["contents"]
    return found["mimeType"], base64.b64decode(found["blob"])


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "avif"])
async def test_a_view_converts_and_fits_inside(shared: Service, mode: Mode, kind: str) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        image = await made(peer)
        mime, data = content(await peer.read(f"{image['uri']}?format={kind}&width=50&height=50"))
    seen = load(data)
    assert mime == f"image/{kind}"
    assert (seen.width, seen.height) == (50, 25)


async def test_a_view_never_enlarges(shared: Service, mode: Mode) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        image = await made(peer)
        _, original = content(await peer.read(image["uri"]))
        assert len(original) == image["bytes"]
        for query in ("width=4000", "height=4000", "width=4000&height=4000", "width=200"):
            _, data = content(await peer.read(f"{image['uri']}?{query}"))
            assert (load(data).width, load(data).height) == (200, 100)
        for query, wide, high in (("width=100", 100, 50), ("height=10", 20, 10), ("width=1", 1, 1)):
            _, data = content(await peer.read(f"{image['uri']}?{query}"))
            assert (load(data).width, load(data).height) == (wide, high)


async def test_quality_makes_it_smaller(shared: Service, mode: Mode) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        uri = (await made(peer, size="512x512"))["uri"]
        sizes = [
            len(content(await peer.read(f"{uri}?format=jpeg&quality={quality}"))[1])
            for quality in (10, 50, 95)
        ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


async def test_metadata_tells_of_lineage(shared: Service, mode: Mode) -> None:
    async with shared.http() as http:
        peer = Peer(http, mode)
        first = await made(peer)
        second = await made(peer, "edit_image", prompt="in red", images=[first["id"]])
        page = await peer.read(f"image://{second['id']}/metadata")
        found = json.loads(page.result["contents"][0]["text"])
        got = (await peer.call("get_image", image=second["uri"])).result["structuredContent"]
    assert found == got
    assert found["parents"] == [{"image": first["id"], "role": "reference"}]
    assert (found["origin"], found["prompt"]) == ("edited", "in red")
    assert "path" not in found


async def test_lists_name_what_there_is(shared: Service, mode: Mode) -> None:
    async with shared.http(OWNER) as http:
        peer = Peer(http, mode)
        image = await made(peer, variation=mode)
        listed = json.loads((await peer.read("image://list")).result["contents"][0]["text"])
        offers = json.loads((await peer.read("info://providers")).result["contents"][0]["text"])
        told = (await peer.call("list_providers")).result["structuredContent"]
        resources = (await peer.ask("resources/list")).result["resources"]
        templates = (await peer.ask("resources/templates/list")).result["resourceTemplates"]
    assert listed["images"][0]["id"] == image["id"]
    assert listed["total"] >= 1
    assert offers == told
    assert {each["uri"] for each in resources} == {
        "image://list",
        "info://providers",
        "info://prompt-guide",
    }
    assert {each["uriTemplate"] for each in templates} == {
        "image://{id}/view{?width,height,format,quality}",
        "image://{id}/metadata",
    }
    assert all(each["title"] and each["description"] for each in (*resources, *templates))
