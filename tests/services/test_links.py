"""Links: whoever holds one gets one image, until it expires."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.image import Image
from imagewright.core.policy import Entry
from imagewright.services.links import LinkRules, LinkService
from tests.contracts.samples import SECOND
from tests.fakes.pictures import encoded
from tests.services.shop import BOT, OLGA, ORIGIN, Shop, entry, grants

WHO, SVEN = OLGA.subject, "user:sven"
KEY = bytes(range(32))


@pytest.fixture
def links(shop: Shop) -> LinkService:
    return LinkService(shop.rows, shop.gate, shop.clock, LinkRules(key=KEY))


@pytest.fixture
async def image(shop: Shop) -> Image:
    return await shop.library.bring_in(OLGA, encoded(), ORIGIN)


def parts(path: str) -> list[str]:
    top, *rest = path.lstrip("/").split("/")
    assert (top, len(rest)) == ("i", 3)
    return rest


async def refused(links: LinkService, *address: str) -> str:
    with pytest.raises(NotFound) as raised:
        await links.read(*address)
    return raised.value.sentence


async def test_a_link_leads_to_its_image_and_no_further_than_its_hour(
    shop: Shop, links: LinkService, image: Image
) -> None:
    link = links.make(WHO, image)
    assert link.expires_at == shop.clock.now() + 3600 * SECOND
    assert link.path.endswith(f"/{image.id}.png")
    assert await links.read(*parts(link.path)) == (Caller(subject=WHO), image)
    shop.clock.advance(3600)
    await refused(links, *parts(link.path))


async def test_a_link_says_nothing_of_whose_it_is(links: LinkService, image: Image) -> None:
    assert "olga" not in links.make(WHO, image).path


@pytest.mark.parametrize("seconds", [-1, 0, 86_401])
async def test_a_link_lasts_no_longer_than_allowed(
    links: LinkService, image: Image, seconds: int
) -> None:
    with pytest.raises(InvalidRequest):
        links.make(WHO, image, seconds)
    assert links.make(WHO, image, 86_400).path


async def test_every_other_address_is_refused_in_the_same_words(
    shop: Shop, links: LinkService, image: Image
) -> None:
    expires, signature, name = parts(links.make(WHO, image).path)
    other = await shop.library.bring_in(OLGA, encoded(shade=9), ORIGIN)
    stranger = parts(links.make(BOT.subject, image).path)[1]
    no_image = f"img_{'a' * 26}"
    nobodys = parts(links.make(BOT.subject, replace(image, id=no_image)).path)[1]
    sentences = {
        await refused(links, str(int(expires) + 1), signature, name),
        await refused(links, "", signature, name),
        await refused(links, "²", signature, name),
        await refused(links, "-5", signature, name),
        await refused(links, expires, signature[:-1], name),
        await refused(links, expires, "\ud800é", name),
        await refused(links, expires, stranger, name),
        await refused(links, expires, signature, f"{other.id}.png"),
        await refused(links, expires, signature, "cat.png"),
        await refused(links, expires, nobodys, no_image),
    }  # fmt: skip
    assert sentences == {"There is no such image."}


async def test_another_key_opens_nothing(shop: Shop, links: LinkService, image: Image) -> None:
    forged = LinkService(shop.rows, shop.gate, shop.clock, LinkRules(key=bytes(32)))
    await refused(links, *parts(forged.make(WHO, image).path))


async def test_a_link_ends_with_its_image(shop: Shop, links: LinkService, image: Image) -> None:
    link = links.make(WHO, image)
    await shop.library.delete(OLGA, image.id, ORIGIN, derived=False)
    await refused(links, *parts(link.path))


async def test_a_link_ends_with_its_makers_right_to_read(
    shop: Shop, links: LinkService, image: Image
) -> None:
    link = links.make(WHO, image)
    shop.acl.acl = grants(subjects={WHO: entry("images:write")})
    await refused(links, *parts(link.path))


class TestGroups:
    """Sven has no entry of his own; he reads by a group's."""

    @pytest.fixture
    async def picture(self, shop: Shop) -> Image:
        self.let(shop, design=entry("images:read"), apps=entry("images:write"))
        return await shop.library.bring_in(Caller(subject=SVEN), encoded(), ORIGIN)

    def let(self, shop: Shop, **groups: Entry) -> None:
        shop.acl.acl = grants(groups=groups)

    async def test_a_link_of_a_reader_by_group_is_good(
        self, links: LinkService, picture: Image
    ) -> None:
        link = links.make(SVEN, picture, groups=("apps", "design"))
        reader = Caller(subject=SVEN, groups=frozenset({"design"}))
        assert await links.read(*parts(link.path)) == (reader, picture)

    async def test_it_ends_with_the_groups_right_whatever_another_may(
        self, shop: Shop, links: LinkService, picture: Image
    ) -> None:
        link = links.make(SVEN, picture, groups=("apps", "design"))
        self.let(shop, design=entry("images:write"), apps=entry("images:read"))
        await refused(links, *parts(link.path))
        self.let(shop, apps=entry("images:read"))
        await refused(links, *parts(link.path))

    async def test_without_a_group_that_reads_a_link_is_good_for_nothing(
        self, links: LinkService, picture: Image
    ) -> None:
        for groups in ((), ("apps",), ("unknown",)):
            await refused(links, *parts(links.make(SVEN, picture, groups=groups).path))


@given(expires=st.text(), signature=st.text(), name=st.text())
async def test_no_address_at_all_is_answered_otherwise(
    expires: str, signature: str, name: str
) -> None:
    links = LinkService(None, None, None, LinkRules(key=KEY))  # type: ignore[arg-type]  # not reached
    await refused(links, expires, signature, name)
