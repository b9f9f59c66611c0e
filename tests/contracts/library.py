"""What every library promises. A suite gives the fixture `desk`."""

import pytest

from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.image import Image, Origin, Parent, Role
from imagewright.ports.library import Search
from tests.contracts.samples import NOON, OWNER, STRANGER, TEAM_MATE, WHENCE, Desk, made_from

ME = OWNER.subject


async def added(desk: Desk, *images: Image, caller: Caller = OWNER) -> None:
    for image in images:
        await desk.library.add(caller, image, WHENCE)


async def found(desk: Desk, **search: object) -> list[str]:
    page = await desk.library.list(ME, Search(**search))  # type: ignore[arg-type]  # parametrised
    assert page.total == len(page.images)
    return [image.id for image in page.images]


class Keeping:
    async def test_an_image_comes_back_as_it_was_entered(self, desk: Desk) -> None:
        image = desk.image(
            revised_prompt="Ein Fuchs, größer",
            seed=None,
            tags=("zoo", "Art"),
            parents=(
                Parent(image="img_a", role=Role.REFERENCE, position=0),
                Parent(image="img_b", role=Role.REFERENCE, position=1),
                Parent(image="img_c", role=Role.MASK, position=0),
            ),
        )
        await added(desk, image)
        assert await desk.library.get(ME, image.id) == image

    @pytest.mark.parametrize("who", [TEAM_MATE, STRANGER, Caller(subject="user:never")])
    async def test_anothers_image_is_one_that_never_was(self, desk: Desk, who: Caller) -> None:
        subject = who.subject
        job, image = await desk.done()
        with pytest.raises(NotFound) as other:
            await desk.library.get(subject, image.id)
        with pytest.raises(NotFound) as never:
            await desk.library.get(subject, "img_never")
        assert other.value.public() == never.value.public()
        with pytest.raises(NotFound):
            await desk.library.delete(who, image.id, WHENCE, NOON, derived=False)
        with pytest.raises(NotFound):
            await desk.library.list(subject, Search(before=image.id))
        assert await desk.library.of_job(subject, job.id) == ()
        assert await desk.library.of_hash(subject, image.sha256) is None
        assert (await desk.library.list(subject, Search())).total == 0

    async def test_an_images_owner_is_told_to_links(self, desk: Desk) -> None:
        image = desk.image()
        await added(desk, image, caller=STRANGER)
        assert await desk.library.owner(image.id) == STRANGER.subject
        await desk.library.delete(STRANGER, image.id, WHENCE, NOON, derived=False)
        assert await desk.library.owner(image.id) is None

    async def test_the_same_bytes_are_found_by_their_hash(self, desk: Desk) -> None:
        older = desk.image(sha256="ab" * 32)
        newer = desk.image(sha256="ab" * 32, created_at=NOON + 1)
        await added(desk, older, newer)
        assert await desk.library.of_hash(ME, "ab" * 32) == newer
        assert await desk.library.of_hash(ME, "cd" * 32) is None


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
    async def test_text_is_found_without_case(self, desk: Desk, text: str, hits: bool) -> None:
        image = desk.image(
            prompt="A Fox on Straße, ära, Café, 100%_\\ sure",
            revised_prompt="Revised",
            tags=("Tagged",),
            path="images/Folder/pic.png",
        )
        await added(desk, image)
        assert await found(desk, text=text) == ([image.id] if hits else [])

    @pytest.mark.parametrize("text", ["%" * 500, "\\" * 500, "ß" * 500])
    async def test_the_longest_text_is_looked_for(self, desk: Desk, text: str) -> None:
        assert await found(desk, text=text) == []

    @pytest.mark.parametrize("wrong", [{"text": "x" * 501}, {"limit": 0}, {"limit": 101}])
    def test_what_is_out_of_range_makes_no_search(self, wrong: dict[str, object]) -> None:
        with pytest.raises(InvalidRequest):
            Search(**wrong)  # type: ignore[arg-type]  # wrong on purpose

    @pytest.mark.parametrize("odd", ["\x00", "\ud800"])
    async def test_text_that_no_row_can_hold_finds_nothing(self, desk: Desk, odd: str) -> None:
        for call in (
            desk.library.get(ME, odd),
            desk.library.list(ME, Search(before=odd)),
            desk.jobs.get(ME, odd),
            desk.books.cancel(OWNER, odd, WHENCE, NOON),
        ):
            with pytest.raises((NotFound, InvalidRequest)):
                await call

    async def test_every_field_narrows(self, desk: Desk) -> None:
        image = desk.image(
            origin=Origin.EDITED, provider="p", model="m", tags=("one", "two"), created_at=NOON + 5
        )
        await added(desk, image, desk.image(tags=("on",), created_at=NOON + 9))
        for field, value, other in (
            ("provider", "p", "q"),
            ("model", "m", "n"),
            ("origin", Origin.EDITED, Origin.DERIVED),
            ("tag", "one", "o"),
        ):
            assert await found(desk, **{field: value}) == [image.id]
            assert await found(desk, **{field: other}) == []
        assert await found(desk, since=NOON + 5, until=NOON + 9) == [image.id]
        assert await found(desk, since=NOON + 6, until=NOON + 9) == []

    async def test_pages_meet_without_gap_or_overlap(self, desk: Desk) -> None:
        images = [desk.image(created_at=NOON + n // 3) for n in range(7)]
        await added(desk, *images, desk.image(prompt="a dog"))
        seen: list[Image] = []
        before, more = None, True
        while more:
            page = await desk.library.list(ME, Search(text="fox", limit=2, before=before))
            assert page.total == 7
            seen += page.images
            before, more = seen[-1].id, page.more
        assert len(seen) == 7
        assert {image.id for image in seen} == {image.id for image in images}
        assert [image.created_at for image in seen] == sorted(
            (image.created_at for image in images), reverse=True
        )

    async def test_a_page_starts_after_an_image_that_is_there(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            await desk.library.list(ME, Search(before="img_never"))


class Deleting:
    async def test_an_image_goes_with_its_tags_and_lineage(self, desk: Desk) -> None:
        image = desk.image(tags=("zoo",), parents=made_from(desk.image()))
        await added(desk, image)
        assert await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False) == (image,)
        assert await found(desk, tag="zoo") == []
        with pytest.raises(NotFound):
            await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False)

    async def test_what_came_from_it_stays_and_says_so(self, desk: Desk) -> None:
        image = desk.image()
        child = desk.image(parents=made_from(image))
        await added(desk, image, child)
        assert await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False) == (image,)
        assert await desk.library.get(ME, child.id) == child

    async def test_what_came_from_it_goes_too_on_request(self, desk: Desk) -> None:
        image, other = desk.image(), desk.image()
        child = desk.image(parents=made_from(image, other))
        grandchild = desk.image(parents=made_from(child, image))
        theirs = desk.image(parents=made_from(image))
        below = desk.image(parents=made_from(theirs))
        await added(desk, image, other, child, grandchild, below)
        await added(desk, theirs, caller=STRANGER)
        removed = await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=True)
        assert removed[0] == image
        assert {each.id for each in removed} == {image.id, child.id, grandchild.id}
        assert set(await found(desk)) == {other.id, below.id}
        assert await desk.library.get(STRANGER.subject, theirs.id) == theirs

    async def test_a_circle_of_lineage_ends(self, desk: Desk) -> None:
        one, two = desk.image(), desk.image()
        first = desk.image(id=one.id, parents=made_from(two))
        second = desk.image(id=two.id, parents=made_from(one))
        await added(desk, first, second)
        assert len(await desk.library.delete(OWNER, first.id, WHENCE, NOON, derived=True)) == 2

    async def test_the_job_stays(self, desk: Desk) -> None:
        job, image = await desk.done()
        await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False)
        assert await desk.jobs.get(ME, job.id) == job
        assert await desk.library.of_job(ME, job.id) == ()


class LibraryContract(Keeping, Searching, Deleting):
    pass
