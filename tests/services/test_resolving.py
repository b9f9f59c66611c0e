"""What became of jobs of unknown outcome: said by the operator, or asked of the vendor again."""

import pytest

from imagewright.adapters.sql.docket import SqlDocket
from imagewright.core.errors import OutcomeUnknown, ProviderRejected
from imagewright.core.job import Job, State
from imagewright.core.money import FREE
from imagewright.services.resolving import ResolvingService, Say
from tests.fakes.provider import TrackedProvider, accepts, fails
from tests.services.attempts import again_later, done
from tests.services.shop import Shop

SAY = Say(by="root", note="the vendor is back")


@pytest.fixture
def resolving(shop: Shop) -> ResolvingService:
    return ResolvingService(SqlDocket(shop.database), shop.clock)


async def lost(shop: Shop, vendor: TrackedProvider) -> Job:
    """A job that the vendor took, and does not know any more."""
    vendor.act = accepts(fails(OutcomeUnknown("The line was cut.")))
    found, vendor.found = vendor.found, fails(OutcomeUnknown("The vendor knows no such order."))
    job = await again_later(shop, await done(shop, await shop.claimed()))
    vendor.found = found
    assert (job.state, await shop.money()) == (State.OUTCOME_UNKNOWN, (1, 0))
    return job


async def test_a_vendor_that_knows_again_is_asked_and_paid_once(
    shop: Shop, vendor: TrackedProvider, resolving: ResolvingService
) -> None:
    job = await lost(shop, vendor)
    await resolving.ask(job.id, SAY)
    found = await shop.claim()
    assert found is not None
    ended = await done(shop, found)
    assert (ended.state, await shop.money()) == (State.SUCCEEDED, (0, 1))
    assert vendor.calls == 1


async def test_a_vendor_that_says_it_made_nothing_gives_the_hold_back(
    shop: Shop, vendor: TrackedProvider, resolving: ResolvingService
) -> None:
    job = await lost(shop, vendor)
    vendor.found = fails(ProviderRejected("It was refused."))
    await resolving.ask(job.id, SAY)
    found = await shop.claim()
    assert found is not None
    ended = await done(shop, found)
    assert (ended.state, ended.actual, await shop.money()) == (State.FAILED, 0, (0, 0))


async def test_a_vendor_that_still_does_not_know_leaves_it_to_the_operator(
    shop: Shop, vendor: TrackedProvider, resolving: ResolvingService
) -> None:
    job = await lost(shop, vendor)
    vendor.found = fails(OutcomeUnknown("The vendor knows no such order."))
    await resolving.ask(job.id, SAY)
    found = await shop.claim()
    assert found is not None
    assert (await done(shop, found)).state is State.OUTCOME_UNKNOWN
    (listed,) = await resolving.list(state=State.OUTCOME_UNKNOWN, subject=None, limit=9)
    assert listed.id == job.id
    ended = await resolving.resolve(job.id, FREE, SAY)
    assert (ended.state, await shop.money()) == (State.FAILED, (0, 0))
