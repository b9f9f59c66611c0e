"""What every library promises. A suite gives the fixture `world`."""

import pytest

from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.image import Image, Origin, Parent, Role
from imagewright.ports.library import Search
from tests.contracts.samples import NOON, OWNER, STRANGER, TEAM_MATE, WHENCE, World, made_from

ME = OWNER.subject


async def added(world: World, *images: Image, subject: str = ME) -> None:
    for image in images:
        await world.library.add(subject, image)


async def found(world: World, **search: object) -> list[str]:
    page = await world.library.list(ME, Search(**search))  # type: ignore[arg-type]
    assert page.total == len(page.images)
    return [image.id for image in page.images]


class Keeping:
    async def test_an_image_comes_back_as_it_was_entered(self, world: World) -> None:
        image = world.image(
            revised_prompt="Ein Fuchs, größer",
            seed=None,
            tags=("zoo", "Art"),
            parents=(
                Parent(image="img_a", role=Role.REFERENCE, position=0),
                Parent(image="img_b", role=Role.REFERENCE, position=1),
                Parent(image="img_c", role=Role.MASK, position=0),
            ),
        )
        await added(world, image)
        assert await world.library.get(ME, image.id) == image

    @pytest.mark.parametrize("subject", [TEAM_MATE.subject, STRANGER.subject, "user:never"])
    async def test_anothers_image_is_one_that_never_was(self, world: World, subject: str) -> None:
        job, image = await world.done()
        with pytest.raises(NotFound) as other:
            await world.library.get(subject, image.id)
        with pytest.raises(NotFound) as never:
            await world.library.get(subject, "img_never")
        assert other.value.public() == never.value.public()
        with pytest.raises(NotFound):
            await world.library.delete(subject, image.id, derived=False)
        with pytest.raises(NotFound):
            await world.library.list(subject, Search(before=image.id))
        assert await world.library.of_job(subject, job.id) == ()
        assert await world.library.of_hash(subject, image.sha256) is None
        assert (await world.library.list(subject, Search())).total == 0

    async def test_the_same_bytes_are_found_by_their_hash(self, world: World) -> None:
        older = world.image(sha256="ab" * 32)
        newer = world.image(sha256="ab" * 32, created_at=NOON + 1)
        await added(world, older, newer)
        assert await world.library.of_hash(ME, "ab" * 32) == newer
        assert await world.library.of_hash(ME, "cd" * 32) is None


class Searching:
    @pytest.mark.parametrize(
        ("text", "hits"),
        [
            ("fox", True),
            ("FOX", True),
            ("straße", True),
            ("STRASSE", True),
            ("ÄRA", True),
            ("cafe\u0301", True),
            ("100%_\\ sure", True),
            ("100_", False),
            ("0%s", False),
            ("%", True),
            ("\\", True),
            ("revised", True),
            ("tagged", True),
            ("folder/pic", True),
            ("'; DROP TABLE images; --", False),
            ("dog", False),
        ],
    )
    async def test_text_is_found_without_case(self, world: World, text: str, hits: bool) -> None:
        image = world.image(
            prompt="A Fox on Straße, ära, Café, 100%_\\ sure",
            revised_prompt="Revised",
            tags=("Tagged",),
            path="images/Folder/pic.png",
        )
        await added(world, image)
        assert await found(world, text=text) == ([image.id] if hits else [])

    @pytest.mark.parametrize("text", ["%" * 500, "\\" * 500, "ß" * 500])
    async def test_the_longest_text_is_looked_for(self, world: World, text: str) -> None:
        assert await found(world, text=text) == []

    @pytest.mark.parametrize("wrong", [{"text": "x" * 501}, {"limit": 0}, {"limit": 101}])
    def test_what_is_out_of_range_makes_no_search(self, wrong: dict[str, object]) -> None:
        with pytest.raises(InvalidRequest):
            Search(**wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("odd", ["\x00", "\ud800"])
    async def test_text_that_no_row_can_hold_finds_nothing(self, world: World, odd: str) -> None:
        for call in (
            world.library.get(ME, odd),
            world.library.list(ME, Search(before=odd)),
            world.jobs.get(ME, odd),
            world.books.cancel(OWNER, odd, WHENCE, NOON),
        ):
            with pytest.raises((NotFound, InvalidRequest)):
                await call

    async def test_every_field_narrows(self, world: World) -> None:
        image = world.image(
            origin=Origin.EDITED, provider="p", model="m", tags=("one", "two"), created_at=NOON + 5
        )
        await added(world, image, world.image(tags=("on",), created_at=NOON + 9))
        for field, value, other in (
            ("provider", "p", "q"),
            ("model", "m", "n"),
            ("origin", Origin.EDITED, Origin.DERIVED),
            ("tag", "one", "o"),
        ):
            assert await found(world, **{field: value}) == [image.id]
            assert await found(world, **{field: other}) == []
        assert await found(world, since=NOON + 5, until=NOON + 9) == [image.id]
        assert await found(world, since=NOON + 6, until=NOON + 9) == []

    async def test_pages_meet_without_gap_or_overlap(self, world: World) -> None:
        images = [world.image(created_at=NOON + n // 3) for n in range(7)]
        await added(world, *images, world.image(prompt="a dog"))
        seen: list[Image] = []
        before, more = None, True
        while more:
            page = await world.library.list(ME, Search(text="fox", limit=2, before=before))
            assert page.total == 7
            seen += page.images
            before, more = seen[-1].id, page.more
        assert len(seen) == 7
        assert {image.id for image in seen} == {image.id for image in images}
        assert [image.created_at for image in seen] == sorted(
            (image.created_at for image in images), reverse=True
        )

    async def test_a_page_starts_after_an_image_that_is_there(self, world: World) -> None:
        with pytest.raises(NotFound):
            await world.library.list(ME, Search(before="img_never"))


class Deleting:
    async def test_an_image_goes_with_its_tags_and_lineage(self, world: World) -> None:
        image = world.image(tags=("zoo",), parents=made_from(world.image()))
        await added(world, image)
        assert await world.library.delete(ME, image.id, derived=False) == (image,)
        assert await found(world, tag="zoo") == []
        with pytest.raises(NotFound):
            await world.library.delete(ME, image.id, derived=False)

    async def test_what_came_from_it_stays_and_says_so(self, world: World) -> None:
        image = world.image()
        child = world.image(parents=made_from(image))
        await added(world, image, child)
        assert await world.library.delete(ME, image.id, derived=False) == (image,)
        assert await world.library.get(ME, child.id) == child

    async def test_what_came_from_it_goes_too_on_request(self, world: World) -> None:
        image, other = world.image(), world.image()
        child = world.image(parents=made_from(image, other))
        grandchild = world.image(parents=made_from(child, image))
        theirs = world.image(parents=made_from(image))
        below = world.image(parents=made_from(theirs))
        await added(world, image, other, child, grandchild, below)
        await added(world, theirs, subject=STRANGER.subject)
        removed = await world.library.delete(ME, image.id, derived=True)
        assert removed[0] == image
        assert {each.id for each in removed} == {image.id, child.id, grandchild.id}
        assert set(await found(world)) == {other.id, below.id}
        assert await world.library.get(STRANGER.subject, theirs.id) == theirs

    async def test_a_circle_of_lineage_ends(self, world: World) -> None:
        one, two = world.image(), world.image()
        first = world.image(id=one.id, parents=made_from(two))
        second = world.image(id=two.id, parents=made_from(one))
        await added(world, first, second)
        assert len(await world.library.delete(ME, first.id, derived=True)) == 2

    async def test_the_job_stays(self, world: World) -> None:
        job, image = await world.done()
        await world.library.delete(ME, image.id, derived=False)
        assert await world.jobs.get(ME, job.id) == job
        assert await world.library.of_job(ME, job.id) == ()


class LibraryContract(Keeping, Searching, Deleting):
    pass
