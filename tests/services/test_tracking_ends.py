"""Orders that were taken: passed on to others, and asked after once more."""

import asyncio
from dataclasses import replace

from imagewright.core.errors import (
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    Unavailable,
)
from imagewright.core.job import Job, State
from imagewright.ports.provider import NotYet
from tests.fakes.provider import Hanging, ScriptedProvider, TrackedProvider, accepts, fails
from tests.services.attempts import again_later, begun, done, resumed
from tests.services.shop import OFFERS, Shop


class TestPassingOn:
    async def test_the_first_providers_order_is_forgotten_before_another_is_asked(
        self, shop: Shop
    ) -> None:
        first, second = self.two(shop)
        hanging, job = Hanging(), await shop.claimed()
        second.act = hanging
        task = await begun(shop.work(providers=self.all(shop)), job, hanging)
        assert (await shop.look(job)).request is None
        hanging.release.set()
        await task
        assert (first.calls, (await shop.look(job)).state) == (1, State.SUCCEEDED)

    async def test_where_it_cannot_be_forgotten_no_other_is_asked(self, shop: Shop) -> None:
        _, second = self.two(shop)
        shop.table.after["track"] = lambda: self.away(shop)
        job = await done(shop, await shop.claimed(), providers=self.all(shop))
        assert (job.state, second.calls) == (State.RUNNING, 0)

    async def test_the_one_that_took_it_is_asked(self, shop: Shop) -> None:
        first, second = self.two(shop)
        second.act = accepts(fails(OutcomeUnknown("cut")), "order-of-the-second")
        await done(shop, await shop.claimed(), providers=self.all(shop))
        shop.clock.advance(60)
        found = await shop.claim()
        assert found is not None
        job = await done(shop, found, providers=self.all(shop))
        assert (job.state, first.asked, second.asked) == (
            State.SUCCEEDED,
            [],
            ["order-of-the-second"],
        )
        assert '"provider": "other"' in (job.outcome or "")

    async def away(self, shop: Shop) -> None:
        del shop.table.after["track"]
        shop.table.fail("track", Unavailable("away"))

    def two(self, shop: Shop) -> tuple[TrackedProvider, TrackedProvider]:
        first = TrackedProvider(act=accepts(fails(ProviderUnavailable("Away."))))
        second = TrackedProvider()
        self.providers = {"painter": first, "other": second}
        shop.offer(*OFFERS, replace(OFFERS[0], name="other"), first="painter")
        return first, second

    def all(self, shop: Shop) -> dict[str, ScriptedProvider]:
        return dict(self.providers)


class TestAskingAgain:
    async def lost(self, shop: Shop, vendor: TrackedProvider) -> Job:
        vendor.looks = [fails(OutcomeUnknown("Never heard of it."))]
        job = await done(shop, await resumed(shop))
        assert job.state is State.OUTCOME_UNKNOWN
        return job

    async def test_it_is_settled_once_the_vendor_tells(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await self.lost(shop, vendor)
        assert await shop.work().ask_again(job, 60)
        assert ((await shop.look(job)).state, await shop.money()) == (State.SUCCEEDED, (0, 1))
        assert not await shop.work().ask_again(job, 60)
        assert not await shop.work().ask_again(await shop.look(job), 60)

    async def test_it_fails_where_the_vendor_made_nothing(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await self.lost(shop, vendor)
        vendor.found = fails(ProviderRejected("No."))
        assert await shop.work().ask_again(job, 60)
        assert ((await shop.look(job)).state, await shop.money()) == (State.FAILED, (0, 0))

    async def test_it_stays_unknown_where_the_vendor_tells_nothing(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await self.lost(shop, vendor)
        shop.clock.advance(25 * 3600)
        vendor.found = fails(NotYet(40.0))
        assert await shop.work().ask_again(job, 60)
        found = await shop.look(job)
        assert (found.state, found.attempt) == (State.OUTCOME_UNKNOWN, job.attempt + 1)
        assert await shop.money() == (1, 0)

    async def test_a_lease_that_ends_leaves_it_to_the_service(
        self, shop: Shop, vendor: TrackedProvider
    ) -> None:
        job = await self.lost(shop, vendor)
        hanging = Hanging()
        vendor.looks = [hanging]
        task = asyncio.create_task(shop.work().ask_again(job, 60))
        await hanging.begun.wait()
        shop.clock.advance(61)
        recovered = await shop.table.recover(shop.clock.now(), sole=False)
        assert recovered.aside == (job.id,)
        hanging.release.set()
        assert await task
        assert (await shop.look(job)).state is State.RUNNING
        assert (await again_later(shop, job)).state is State.SUCCEEDED
        assert await shop.money() == (0, 1)
