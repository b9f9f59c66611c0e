"""Images of a day, running jobs and storage, as the whole road keeps them."""

import asyncio
from typing import Any, cast

import pytest

from imagewright.core.errors import QuotaExceeded, StorageQuota
from imagewright.core.limit import Limits, Pace
from imagewright.ports.books import Books
from imagewright.ports.library import Search
from imagewright.services.own_limits import OwnLimits
from tests.contracts.samples import NOON, SECOND
from tests.fakes.pictures import encoded
from tests.services.shop import BOT, MIB, ORIGIN, ZONE, Shop, entry, free, grants, paid

DAY_END = NOON + 12 * 3600 * SECOND


def limit(shop: Shop, **limits: Any) -> None:
    own = entry("images:read", "images:write", "spend:unattended", limits=Limits(**limits))
    shop.acl.acl = grants(subjects={BOT.subject: own})


async def test_images_of_a_day_are_counted_when_they_are_asked_for(shop: Shop) -> None:
    limit(shop, images=3)
    await shop.admitted(free(n=2))
    with pytest.raises(QuotaExceeded) as refused:
        await shop.admitted(free("a dog", n=2))
    assert dict(refused.value.details) == {
        "limit": "images",
        "owner": "subject",
        "allowed": "3/day",
        "used": 2,
        "left": 1,
        "resets_at": DAY_END // SECOND,
        "retry_after": 12 * 3600,
    }
    assert shop.telemetry.limits == ["images"]
    await shop.admitted(free("a dog"))
    shop.clock.advance(12 * 3600 - 1)
    with pytest.raises(QuotaExceeded) as late:
        await shop.admitted(free("a cat"))
    assert late.value.details["retry_after"] == 1
    assert "Ask for" not in late.value.hint
    shop.clock.advance(1)
    await shop.admitted(free("a cat", n=3))


async def test_the_same_ask_again_is_no_new_image(shop: Shop) -> None:
    limit(shop, images=1)
    first = await shop.admitted(free())
    assert (await shop.admitted(free())).id == first.id


async def test_a_cancelled_job_gives_its_images_back_and_a_deleted_image_does_not(
    shop: Shop,
) -> None:
    limit(shop, images=1)
    job = await shop.admitted(free())
    await shop.jobs.cancel(BOT, job.id, ORIGIN)
    await shop.work().carry_out(await shop.claimed(free("a dog")))
    (image,) = (await shop.library.list(BOT.subject, Search())).images
    await shop.library.delete(BOT, image.id, ORIGIN, derived=False)
    with pytest.raises(QuotaExceeded):
        await shop.admitted(free("a cat"))


async def test_a_batch_is_counted_as_one(shop: Shop) -> None:
    limit(shop, images=3)
    with pytest.raises(QuotaExceeded):
        await shop.batches.order(BOT, [free("a", n=2), free("b", n=2)], None, ORIGIN)
    found = await shop.batches.order(BOT, [free("a", n=2), free("b")], None, ORIGIN)
    assert len(found.jobs) == 2


async def test_of_many_at_once_no_more_are_let_in_than_fit(shop: Shop) -> None:
    limit(shop, images=5)
    asked = [shop.admitted(free(f"fox {n}")) for n in range(20)]
    got = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in got) == 5
    assert sum(isinstance(each, QuotaExceeded) for each in got) == 15


async def test_no_more_jobs_run_than_the_subject_may(shop: Shop) -> None:
    limit(shop, jobs=1)
    for prompt in ("a", "b"):
        await shop.admitted(free(prompt))
    first = await shop.claim()
    assert first is not None
    assert await shop.claim() is None
    await shop.work().carry_out(first)
    assert await shop.claim() is not None


async def test_a_full_store_is_told_with_what_is_used_and_left(shop: Shop) -> None:
    data = encoded()
    limit(shop, storage=len(data) + 1)
    kept = await shop.library.bring_in(BOT, data, ORIGIN)
    with pytest.raises(StorageQuota) as refused:
        await shop.library.bring_in(BOT, encoded(shade=9), ORIGIN)
    assert dict(refused.value.details) == {
        "limit": "storage",
        "owner": "subject",
        "allowed": str(shop.limiter.bounds(BOT).storage),
        "used": len(data),
        "left": 1,
        "reserved": 0,
    }
    assert shop.telemetry.limits == ["storage"]
    assert len([path async for path in shop.blobs.paths(BOT.subject)]) == 1
    assert await shop.library.bring_in(BOT, data, ORIGIN) == kept
    await shop.admitted(free())
    limit(shop, storage=len(data))
    with pytest.raises(StorageQuota):
        await shop.admitted(free("a dog"))
    await shop.library.delete(BOT, kept.id, ORIGIN, derived=False)
    limit(shop, storage=len(data) + 100)
    await shop.library.bring_in(BOT, encoded(shade=9), ORIGIN)


async def test_pictures_to_come_take_the_room_of_the_largest_but_for_one(shop: Shop) -> None:
    limit(shop, storage=MIB + 100)
    with pytest.raises(StorageQuota):
        await shop.admitted(free(n=3))
    await shop.admitted(free("a"))
    await shop.admitted(free("b"))
    with pytest.raises(StorageQuota) as refused:
        await shop.admitted(free("c"))
    assert refused.value.details["reserved"] == 2 * MIB
    assert "2MiB are kept for images to come" in refused.value.sentence
    with pytest.raises(StorageQuota):
        await shop.library.bring_in(BOT, encoded(), ORIGIN)


async def test_nothing_is_spent_on_what_a_limit_refuses(shop: Shop) -> None:
    limit(shop, images=1)
    await shop.admitted(paid())
    with pytest.raises(QuotaExceeded):
        await shop.admitted(paid("a dog"))
    assert await shop.money() == (1, 0)


async def test_usage_tells_every_limit_and_what_is_left(shop: Shop) -> None:
    usage = OwnLimits(cast("Books", shop.books), shop.limiter, shop.clock, ZONE)
    assert await usage.of(BOT) == ()
    pace = Pace(count=2, seconds=60)
    limit(shop, rate=pace, images=9, jobs=2, storage=4 * MIB, bandwidth=pace)
    await shop.limiter.ask(BOT)
    await shop.limiter.download(BOT, 2)
    job = await shop.claimed(free(n=2))
    found = {each.bound.limit.value: each for each in await usage.of(BOT)}
    assert {name: (each.used, each.left) for name, each in found.items()} == {
        "rate": (1, 1),
        "bandwidth": (2, 0),
        "images": (2, 7),
        "jobs": (1, 1),
        "storage": (0, 4 * MIB),
    }
    assert found["rate"].resets_at is None
    assert found["bandwidth"].resets_at == NOON + 61 * SECOND
    assert found["images"].resets_at == DAY_END
    await shop.work().carry_out(job)
    found = {each.bound.limit.value: each for each in await usage.of(BOT)}
    assert found["storage"].used > 0
    assert found["jobs"].used == 0
    limit(shop, images=1)
    (only,) = await usage.of(BOT)
    assert (only.used, only.left) == (2, 0)
