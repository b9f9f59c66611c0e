"""Input pictures by every name that callers know them by."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagewright.core.errors import (
    Fault,
    ImageTooLarge,
    InvalidImage,
    InvalidRequest,
    NotFound,
    StorageFull,
)
from imagewright.core.image import Origin
from imagewright.core.picture import Format
from imagewright.core.size import Size
from imagewright.ports.library import Search
from imagewright.services.inputs import InputRules, Inputs
from tests.fakes.pictures import encoded
from tests.services.shop import BOT, OLGA, ORIGIN, Shop

PNG = encoded()
URL = "https://pictures.example/cat.png"
WHO = OLGA.subject


def data_url(data: bytes, head: str = "data:image/png;base64,") -> str:
    return head + base64.b64encode(data).decode()


async def test_an_image_is_found_by_id_and_by_uri(shop: Shop) -> None:
    image = await shop.library.bring_in(OLGA, PNG, ORIGIN)
    names = (image.id, f"image://{image.id}", f"image://{image.id}/view?width=9")
    for reference in await shop.inputs.references(OLGA, names, ORIGIN):
        assert (reference.image, reference.sha256) == (image.id, image.sha256)
        assert (reference.size, reference.format) == (Size(64, 48), Format.PNG)
        assert not reference.alpha


async def test_somebody_elses_image_is_not_there(shop: Shop) -> None:
    image = await shop.library.bring_in(OLGA, PNG, ORIGIN)
    with pytest.raises(NotFound) as theirs:
        await shop.inputs.references(BOT, (image.id,), ORIGIN)
    await shop.library.delete(OLGA, image.id, ORIGIN, derived=False)
    with pytest.raises(NotFound) as gone:
        await shop.inputs.references(OLGA, (image.id,), ORIGIN)
    assert theirs.value.public() == gone.value.public()


@pytest.mark.parametrize(
    "head",
    [
        "data:image/png;base64,",
        "DATA:image/PNG;base64,",
        "data:;base64,",
        "data:image/svg+xml;charset=utf-8;base64,",
    ],
)
async def test_a_data_url_is_imported_whatever_type_it_claims(shop: Shop, head: str) -> None:
    (found,) = await shop.inputs.references(OLGA, (data_url(PNG, head),), ORIGIN)
    image = await shop.library.get(WHO, found.image)
    assert (image.origin, image.picture.format) == (Origin.IMPORTED, Format.PNG)


async def test_an_address_is_fetched(shop: Shop) -> None:
    shop.fetcher.pages[URL] = PNG
    (found,) = await shop.inputs.references(OLGA, (URL,), ORIGIN)
    assert (await shop.library.original(WHO, found.image))[1] == PNG


async def test_the_same_bytes_are_one_image_by_whatever_name(shop: Shop) -> None:
    shop.fetcher.pages[URL] = PNG
    found = await shop.inputs.references(OLGA, (URL, data_url(PNG), URL), ORIGIN)
    assert len({reference.image for reference in found}) == 1


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", InvalidRequest),
        ("cat.png", InvalidRequest),
        ("/etc/passwd", InvalidRequest),
        ("file:///etc/passwd", InvalidRequest),
        ("http://pictures.example/cat.png", InvalidRequest),
        ("img_short", InvalidRequest),
        ("data:image/png,abc", InvalidImage),
        ("data:text/html;base64,PGI+", InvalidImage),
        ("data:image/png;base64,!!!!", InvalidImage),
        ("data:image/png;base64,é", InvalidImage),
        ("data:image/png;base64,aGVsbG8=", InvalidImage),
        ("https://nothing.example/", InvalidImage),
    ],
)
async def test_any_other_name_is_refused_and_not_repeated(
    shop: Shop, name: str, fault: type[Fault]
) -> None:
    with pytest.raises(fault) as raised:
        await shop.inputs.references(OLGA, (name,), ORIGIN)
    assert not name or name not in str(raised.value.public())
    assert (await shop.library.list(WHO, Search())).total == 0


@given(payload=st.text(max_size=40))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_data_url_fails_but_as_a_bad_image(shop: Shop, payload: str) -> None:
    with pytest.raises(InvalidImage):
        await shop.inputs.references(OLGA, (f"data:image/png;base64,{payload}",), ORIGIN)


class TestLimits:
    def rules(self, shop: Shop, each: int, total: int) -> Inputs:
        return Inputs(shop.library, shop.fetcher, InputRules(each=each, total=total))

    async def test_a_data_url_is_measured_before_it_is_decoded(self, shop: Shop) -> None:
        inputs = self.rules(shop, 30, 100)
        with pytest.raises(ImageTooLarge):
            await inputs.references(OLGA, ("data:image/png;base64," + "!" * 60,), ORIGIN)

    async def test_one_of_exactly_the_limit_is_taken(self, shop: Shop) -> None:
        inputs = self.rules(shop, len(PNG), len(PNG))
        assert len(await inputs.references(OLGA, (data_url(PNG),), ORIGIN)) == 1

    async def test_an_image_of_ones_own_is_measured_too(self, shop: Shop) -> None:
        image = await shop.library.bring_in(OLGA, PNG, ORIGIN)
        with pytest.raises(ImageTooLarge, match=r"An input image"):
            await self.rules(shop, len(PNG) - 1, 10_000).references(OLGA, (image.id,), ORIGIN)

    async def test_a_fetch_ends_at_the_limit(self, shop: Shop) -> None:
        shop.fetcher.pages[URL] = PNG
        with pytest.raises(ImageTooLarge):
            await self.rules(shop, len(PNG) - 1, 10_000).references(OLGA, (URL,), ORIGIN)

    async def test_all_together_are_measured_before_more_is_fetched(self, shop: Shop) -> None:
        urls = tuple(f"https://pictures.example/{number}" for number in range(4))
        shop.fetcher.pages = {url: encoded(shade=index) for index, url in enumerate(urls)}
        with pytest.raises(ImageTooLarge, match="in all"):
            await self.rules(shop, 10_000, len(PNG) + 10).references(OLGA, urls, ORIGIN)
        assert shop.fetcher.asked == list(urls[:2])

    async def test_nothing_is_imported_on_a_full_disk(self, shop: Shop) -> None:
        shop.blobs.full = True
        with pytest.raises(StorageFull):
            await shop.inputs.references(OLGA, (data_url(PNG),), ORIGIN)
