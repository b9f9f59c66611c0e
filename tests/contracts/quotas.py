"""What books, jobs and library promise of a subject's own limits. A suite gives `desk`."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.caller import Caller
from imagewright.core.errors import QuotaExceeded, StorageQuota
from imagewright.core.image import Image
from imagewright.core.job import State
from imagewright.core.limit import Bound, Limit
from imagewright.ports.books import Bulk, Quota, Tally
from tests.contracts.samples import (
    NOON,
    OWNER,
    SECOND,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    Desk,
    plan_of,
    verdict,
)

HOUR = 3600 * SECOND
PICTURE = 5000
KEPT = 1234
"""Bytes of a picture that a desk enters."""


def daily(most: int, since: int = NOON) -> Quota:
    return Quota(images=Bound(limit=Limit.IMAGES, most=most, owner="subject"), since=since)


def room(most: int) -> Quota:
    bound = Bound(limit=Limit.STORAGE, most=most, owner="subject")
    return Quota(storage=bound, picture=PICTURE)


class QuotaContract:
    async def test_images_count_from_the_day_on_made_or_still_to_come(self, desk: Desk) -> None:
        await desk.admit("yesterday", now=NOON - 1)
        await desk.admit("two", plan=plan_of("two", n=2), quota=daily(2))
        with pytest.raises(QuotaExceeded) as refused:
            await desk.admit("more", quota=daily(2))
        assert (refused.value.details["used"], refused.value.details["left"]) == (2, 0)
        await desk.admit("theirs", caller=TEAM_MATE, quota=daily(1))
        await desk.admit("more", now=NOON + 12 * HOUR, quota=daily(2, since=NOON + 12 * HOUR))

    async def test_what_failed_gives_back_what_it_did_not_make(self, desk: Desk) -> None:
        await desk.admit("three", plan=plan_of("three", n=3))
        job = await desk.run()
        assert await desk.books.settle(verdict(job, images=(desk.image(job.id),)))
        await desk.admit("other", plan=plan_of("other", n=2))
        assert await desk.books.settle(verdict(await desk.run(), state=State.FAILED))
        assert (await desk.books.tally(OWNER.subject, NOON)).made == 1
        await desk.admit("fits", plan=plan_of("fits", n=2), quota=daily(3))

    async def test_of_many_at_once_as_many_are_let_in_as_fit(self, desk: Desk) -> None:
        asked = (desk.admit(f"fox {n}", quota=daily(5)) for n in range(8))
        got = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(each, QuotaExceeded) for each in got) == 3
        assert (await desk.books.tally(OWNER.subject, NOON)).made == 5

    async def test_a_batch_counts_all_that_is_new_in_it(self, desk: Desk) -> None:
        def bulk(count: int, most: int) -> Bulk:
            demands = tuple(desk.demand(f"item {n}", quota=daily(most)) for n in range(count))
            return Bulk(
                group=f"grp_{count}", digest=str(count), demands=demands, quote=demands[0].quote
            )

        with pytest.raises(QuotaExceeded):
            await desk.books.admit_all(bulk(3, 2))
        assert len((await desk.books.admit_all(bulk(2, 2))).jobs) == 2
        assert (await desk.books.admit_all(bulk(2, 2))).jobs == ()

    async def test_a_full_store_takes_nothing_more(self, desk: Desk) -> None:
        await desk.done()
        await desk.library.add(OWNER, desk.image(), WHENCE, room(2 * KEPT))
        with pytest.raises(StorageQuota) as refused:
            await desk.library.add(OWNER, desk.image(), WHENCE, room(3 * KEPT - 1))
        details = refused.value.details
        assert (details["used"], details["left"]) == (2 * KEPT, KEPT - 1)
        with pytest.raises(StorageQuota):
            await desk.admit("more", quota=room(2 * KEPT))
        assert (await desk.books.tally(OWNER.subject, NOON)).stored == 2 * KEPT
        await desk.admit("more", quota=room(2 * KEPT + 1))
        await desk.library.add(TEAM_MATE, desk.image(), WHENCE, room(KEPT))

    async def test_never_more_than_one_picture_over(self, desk: Desk) -> None:
        quota = room(3 * PICTURE)
        asked = [desk.admit(f"fox {n}", quota=quota) for n in range(8)]
        imported = [desk.library.add(OWNER, self.large(desk), WHENCE, quota) for _ in range(8)]
        await asyncio.gather(*asked, *imported, return_exceptions=True)
        while (job := await desk.claim()) is not None:
            assert await desk.jobs.start(job, "worker-1", NOON)
            image = self.large(desk, job.id)
            assert await desk.books.settle(verdict(job, images=(image,)))
        tally = await desk.books.tally(OWNER.subject, NOON)
        assert 2 * PICTURE < tally.stored <= 4 * PICTURE

    @staticmethod
    def large(desk: Desk, job: str | None = None) -> Image:
        image = desk.image(job)
        return replace(image, picture=replace(image.picture, bytes=PICTURE))

    async def test_a_tally_is_of_one_subject(self, desk: Desk) -> None:
        await desk.done()
        await desk.admit("waits", plan=plan_of("waits", n=2))
        await desk.admit("also waits")
        await desk.run()
        assert await desk.books.tally(OWNER.subject, NOON) == Tally(
            made=4, stored=KEPT, awaited=3, running=1
        )
        nothing = Tally(made=0, stored=0, awaited=0, running=0)
        assert await desk.books.tally(STRANGER.subject, NOON) == nothing

    async def test_a_subject_runs_no_more_than_its_own_limit(self, desk: Desk) -> None:
        for prompt in ("a", "b"):
            await desk.admit(prompt)
        await desk.admit("c", caller=TEAM_MATE)
        asked: list[Caller] = []

        def own(caller: Caller) -> int | None:
            asked.append(caller)
            return 1 if caller.subject == OWNER.subject else None

        claimed = [await desk.claim(own=own) for _ in range(3)]
        assert [each and each.caller.subject for each in claimed] == [
            OWNER.subject,
            TEAM_MATE.subject,
            None,
        ]
        assert asked[0].groups == OWNER.groups
        assert await desk.claim() is not None

    async def test_an_own_limit_above_the_services_changes_nothing(self, desk: Desk) -> None:
        for prompt in ("a", "b", "c"):
            await desk.admit(prompt)
        claimed = [await desk.claim(own=lambda _: 9) for _ in range(3)]
        assert [each is not None for each in claimed] == [True, True, False]
