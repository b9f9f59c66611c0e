"""Images kept, shown and deleted, for one subject at a time."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.core.caller import Caller
from imagewright.core.errors import ImageTooLarge, InvalidImage, InvalidRequest, NotFound
from imagewright.core.image import Image, Origin, Parent, Role
from imagewright.core.picture import Format, Rendition
from imagewright.core.size import Size
from imagewright.ports.library import Search
from imagewright.services.library import Label
from tests.fakes.imaging import SeeingImaging
from tests.fakes.pictures import encoded, facts
from tests.services.shop import BOT, OLGA, ORIGIN, Shop, opened

WHO = OLGA.subject
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def imaging() -> AsyncIterator[VipsImaging]:
    """The real one, jailed."""
    async with VipsImaging(ImagingConfig(workers=1)) as jailed:
        yield jailed


@pytest_asyncio.fixture(loop_scope="module")
async def shop(tmp_path: Path, imaging: VipsImaging) -> AsyncIterator[Shop]:
    async with opened(tmp_path, imaging=imaging) as made:
        yield made


async def kept(shop: Shop, data: bytes, **label: object) -> Image:
    """A kept picture with its row."""
    image = await shop.library.keep(WHO, data, Label(origin=Origin.GENERATED, **label))  # type: ignore[arg-type]  # a label's fields
    await shop.rows.add(OLGA, image, ORIGIN)
    return image


async def test_what_is_kept_comes_back_byte_for_byte(shop: Shop) -> None:
    data = encoded(form="jpeg")
    image = await kept(shop, data, folder="pets", filename="cat", prompt="a cat", seed=3)
    row, original = await shop.library.original(WHO, image.id)
    assert (row, original) == (image, data)
    assert image.path == "images/pets/cat.jpg"
    assert (image.picture.format, image.picture.size) == (Format.JPEG, Size(64, 48))


async def test_without_a_name_a_picture_is_named_by_its_id(shop: Shop) -> None:
    image = await kept(shop, encoded())
    assert image.path == f"images/{image.id}.png"


async def test_the_sidecar_says_what_the_row_says(shop: Shop) -> None:
    job = (await shop.admitted()).id
    parent = Parent(image="img_parent", role=Role.MASK, position=0)
    image = await kept(shop, encoded(), prompt="füchse", tags=("x",), parents=(parent,), job=job)
    told = json.loads(shop.blobs.sidecars[WHO, image.path])
    assert told == {
        "id": image.id,
        "origin": "generated",
        "sha256": image.sha256,
        "mime": "image/png",
        "width": 64,
        "height": 48,
        "bytes": image.picture.bytes,
        "provider": "",
        "model": "",
        "prompt": "füchse",
        "revised_prompt": None,
        "seed": None,
        "asked_size": "",
        "tags": ["x"],
        "created_at": image.created_at,
        "job": job,
        "parents": [{"image": "img_parent", "role": "mask"}],
    }


@pytest.mark.parametrize("data", [b"", b"<svg/>", encoded()[:-40]])
async def test_what_is_no_whole_picture_is_not_kept(shop: Shop, data: bytes) -> None:
    with pytest.raises(InvalidImage):
        await kept(shop, data)
    assert shop.blobs.originals == {}


@pytest.mark.parametrize("origin", [Origin.IMPORTED, Origin.GENERATED])
async def test_the_limits_of_its_origin_are_kept(shop: Shop, origin: Origin) -> None:
    with pytest.raises(ImageTooLarge):
        await shop.library.keep(WHO, encoded() + b"\0" * 1024 * 1024, Label(origin=origin))


async def test_a_view_without_a_wish_is_the_original(shop: Shop) -> None:
    data = encoded(form="webp")
    image = await kept(shop, data)
    seen = await shop.library.view(WHO, image.id, Rendition())
    assert (seen.data, seen.picture) == (data, image.picture)


async def test_a_view_is_rendered_as_wished(shop: Shop) -> None:
    image = await kept(shop, encoded())
    seen = await shop.library.view(WHO, image.id, Rendition(width=32, format=Format.JPEG))
    assert facts(seen.data) == ("jpeg", 32, 24, False)


@pytest.mark.parametrize("wish", [Rendition(width=4097), Rendition(height=4097)])
async def test_a_view_beyond_the_longest_edge_is_refused_before_anything_is_read(
    shop: Shop, wish: Rendition
) -> None:
    with pytest.raises(InvalidRequest, match="4096"):
        await shop.library.view(WHO, "img_nothing", wish)


async def test_a_preview_is_kept_and_made_again_where_it_was_lost(shop: Shop) -> None:
    image = await kept(shop, encoded(900, 600))
    first = await shop.library.preview(WHO, image.id)
    assert facts(first)[:2] == ("webp", 512)
    assert await shop.library.preview(WHO, image.id) == first
    shop.blobs.previews.clear()
    assert await shop.library.preview(WHO, image.id) == first
    assert shop.blobs.previews == {(WHO, image.id): first}


async def test_a_partial_is_shown_small_until_it_is_dropped(shop: Shop) -> None:
    job = (await shop.admitted()).id
    assert await shop.library.partial(WHO, job) is None
    await shop.library.keep_partial(WHO, job, encoded(900, 600))
    assert facts(await shop.library.partial(WHO, job) or b"")[:2] == ("webp", 512)
    assert await shop.library.partial(BOT.subject, job) is None
    await shop.library.drop_partial(WHO, job)
    assert await shop.library.partial(WHO, job) is None


async def test_the_same_input_is_kept_once(shop: Shop) -> None:
    first = await shop.library.bring_in(OLGA, encoded(), ORIGIN)
    assert await shop.library.bring_in(OLGA, encoded(), ORIGIN) == first
    other = await shop.library.bring_in(BOT, encoded(), ORIGIN)
    assert other.id != first.id


async def test_the_same_input_is_kept_once_though_it_arrives_twice_at_a_time(shop: Shop) -> None:
    found = await asyncio.gather(
        *(shop.library.bring_in(OLGA, encoded(), ORIGIN) for _ in range(5))
    )
    assert len({image.id for image in found}) == 1
    assert len(shop.blobs.originals) == 1


async def test_different_inputs_do_not_wait_for_each_other(shop: Shop) -> None:
    found = await asyncio.gather(
        *(shop.library.bring_in(OLGA, encoded(shade=shade), ORIGIN) for shade in range(3))
    )
    assert len({image.id for image in found}) == 3


async def test_an_image_is_deleted_with_its_bytes_and_preview(shop: Shop) -> None:
    image, other = await kept(shop, encoded()), await kept(shop, encoded(shade=1))
    assert await shop.library.delete(OLGA, image.id, ORIGIN, derived=False) == (image,)
    assert list(shop.blobs.originals) == [(WHO, other.path)]
    assert list(shop.blobs.previews) == [(WHO, other.id)]
    with pytest.raises(NotFound):
        await shop.library.get(WHO, image.id)


async def test_what_was_made_from_it_goes_only_when_asked(shop: Shop) -> None:
    parent = await kept(shop, encoded())
    step = Parent(image=parent.id, role=Role.REFERENCE, position=0)
    child = await kept(shop, encoded(shade=1), parents=(step,))
    gone = await shop.library.delete(OLGA, parent.id, ORIGIN, derived=True)
    assert {image.id for image in gone} == {parent.id, child.id}
    assert shop.blobs.originals == {}


async def test_a_stranger_sees_nothing(shop: Shop) -> None:
    image = await kept(shop, encoded(), job=(await shop.admitted()).id)
    library, stranger = shop.library, BOT.subject
    attempts = [
        library.get(stranger, image.id),
        library.original(stranger, image.id),
        library.view(stranger, image.id, Rendition(width=9)),
        library.preview(stranger, image.id),
        library.delete(Caller(subject=stranger), image.id, ORIGIN, derived=True),
        library.list(stranger, Search(before=image.id)),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt
    assert (await library.list(stranger, Search())).images == ()
    assert await library.of_job(stranger, image.job or "") == ()
    assert (await library.list(WHO, Search())).images == (image,)
    assert await library.of_job(WHO, image.job or "") == (image,)


async def test_the_place_on_this_machine_is_the_stores_to_say(shop: Shop) -> None:
    assert shop.library.local_path(WHO, await kept(shop, encoded())) is None


async def test_without_a_preview_a_picture_is_kept_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    imaging = SeeingImaging()
    imaging.blind = True
    async with opened(tmp_path_factory.mktemp("blind"), imaging=imaging) as blind:
        image = await kept(blind, encoded())
        assert await blind.library.keep_partial(WHO, "job_1", encoded()) is None
        assert blind.blobs.previews == {}
        with pytest.raises(AssertionError):
            await blind.library.preview(WHO, image.id)
