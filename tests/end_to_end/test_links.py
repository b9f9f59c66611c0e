"""Signed links: the picture to whoever holds one, one same nothing for every other."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from imagewright.core.image import Image
from tests.end_to_end.service import ACL, MEMBER, OWNER, STRANGER, Service, configured, running
from tests.end_to_end.wire import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUPED = ACL.replace(f'[subjects."{MEMBER}"]\nscopes = ["images:read"]\n', "").replace(
    '[groups.design]\nscopes = ["images:read"]', '[groups.design]\nscopes = ["write"]'
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings, tokens = configured(tmp_path_factory.mktemp("links") / "state", GROUPED)
    async with running(settings, tokens) as found:
        yield found


async def made(service: Service, who: str = OWNER, **more: object) -> Image:
    async with service.http(who) as http:
        answer = await Peer(http, "auto").call(
            "generate_image", prompt="a kite", size="64x64", **more
        )
    image = answer.result["structuredContent"]["images"][0]["id"]
    return await service.app.services.library.get(who, image)


async def link(service: Service, who: str = OWNER, **more: object) -> str:
    image = await made(service, who, **more)
    groups = ("design",) if who == MEMBER else ()
    return service.app.services.links.make(who, image, groups=groups).path


async def test_a_link_gives_the_original_to_whoever_holds_it(shared: Service) -> None:
    image = await made(shared, folder="logos/2026", filename="kite <&>".replace("<&>", "one"))
    path = shared.app.services.links.make(OWNER, image).path
    async with shared.http(None) as http:
        whole = await http.get(path)
        head = await http.head(path)
    assert whole.status_code == 200
    assert len(whole.content) == image.picture.bytes
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert whole.headers["referrer-policy"] == "no-referrer"
    assert "private" in whole.headers["cache-control"]
    assert whole.headers["content-disposition"] == f'inline; filename="{image.id}.png"'
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


async def test_what_the_client_has_is_not_sent_again(shared: Service) -> None:
    path = await link(shared)
    async with shared.http(None) as http:
        tag = (await http.get(path)).headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await http.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        changed = await http.get(path, headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


async def test_every_other_link_is_the_same_nothing(shared: Service) -> None:
    image = await made(shared, variation="other")
    links = shared.app.services.links
    path = links.make(OWNER, image).path
    _, _, expires, signature, name = path.split("/")
    doomed = await link(shared, variation="doomed")
    async with shared.http() as http:
        gone = re.findall("img_[a-z2-7]{26}", doomed)[0]
        await Peer(http, "auto").call("delete_image", image=gone)
    wrong = [
        f"/i/{expires}/{signature[::-1]}/{name}",
        f"/i/{expires}/{signature}é/{name}",
        f"/i/{int(expires) + 1}/{signature}/{name}",
        f"/i/{expires}{'0' * 9}/{signature}/{name}",
        f"/i/x/{signature}/{name}",
        f"/i/-1/{signature}/{name}",
        f"/i/{expires}/{signature}/{gone}.png",
        f"/i/{expires}/{signature}/img_{'a' * 26}.png",
        f"/i/{expires}/{signature}/..%2f..%2fetc%2fpasswd",
        f"/i/{expires}/{signature}/{name}%00",
        links.make(STRANGER, image).path,
        doomed,
    ]
    async with shared.http(None) as http:
        assert (await http.get(path)).status_code == 200
        seen = {(each.status_code, each.text) for each in [await http.get(one) for one in wrong]}
        listing = [(await http.get(one)).status_code for one in ("/i", "/i/", f"/i/{expires}/")]
    assert len({text for status, text in seen if "error" in text}) == 1
    assert {status for status, _ in seen} == {404}
    assert listing == [404, 404, 404]


async def test_a_link_ends(shared: Service) -> None:
    image = await made(shared)
    links = shared.app.services.links
    last = links.make(OWNER, image, seconds=1)
    async with shared.http(None) as http:
        asked = shared.app.parts.world.clock.now()
        while (answer := await http.get(last.path)).status_code == 200:
            assert asked <= last.expires_at
            asked = shared.app.parts.world.clock.now()
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("who", [STRANGER, MEMBER], ids=["own-grant", "group's-grant"])
async def test_a_link_ends_with_its_subjects_grant(shared: Service, who: str) -> None:
    path = await link(shared, who)
    acl = shared.app.settings.state / "acl.toml"
    before = acl.read_text()
    name = f'"{STRANGER}" = ' if who == STRANGER else "[groups.design]"
    other = '"user:nobody" = ' if who == STRANGER else "[groups.other]"
    assert name in before
    async with shared.http(None) as http:
        assert (await http.get(path)).status_code == 200
        try:
            acl.write_text(before.replace(name, other))
            shared.app.refresh(force=True)
            revoked = await http.get(path)
        finally:
            acl.write_text(before)
            shared.app.refresh(force=True)
        assert (await http.get(path)).status_code == 200
    assert revoked.status_code == 404
