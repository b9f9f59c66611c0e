"""What was revoked makes nothing, spends nothing and keeps no money held, wherever it stood."""

from typing import Any

import pytest

from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden, ProviderBusy, Unavailable
from imagewright.core.job import State
from imagewright.core.revocation import EVERYBODY, Target, What
from imagewright.ports.provider import Delivery, Order, Watch
from imagewright.services.revoking import RevokingService
from tests.fakes.provider import Hanging, returns
from tests.services.attempts import begun, done
from tests.services.shop import BOT, OLGA, ORIGIN, POOR, Shop, entry, free, grants, paid

BARRING = (
    Target(what=What.TOKEN, key=BOT.credential.id),
    Target(what=What.SUBJECT, key=BOT.subject),
)
STOPPING = (
    Target(what=What.SPENDING_BY, key=BOT.subject),
    Target(what=What.SPENDING_AT, key="painter"),
    EVERYBODY,
)
ALL = (*BARRING, *STOPPING)


def known(shop: Shop, *targets: Target) -> None:
    """As the copy tells the services."""
    shop.acl.acl = grants(revoked=frozenset(targets))


async def entered(shop: Shop, target: Target) -> int:
    """As another process enters it, whose copy nobody here has read; how many jobs it ended."""
    service = RevokingService(SqlRevocations(shop.database), shop.clock)
    return (await service.revoke(target, by="root", reason="lost")).ended


@pytest.mark.parametrize("target", ALL, ids=str)
@pytest.mark.parametrize("tell", [known, entered])
async def test_nothing_paid_is_let_in(shop: Shop, target: Target, tell: Any) -> None:
    if tell is known:
        known(shop, target)
    else:
        await entered(shop, target)
    with pytest.raises(Forbidden):
        await shop.admitted(paid())
    assert (await shop.money(), shop.provider.calls) == ((0, 0), 0)


@pytest.mark.parametrize("target", ALL, ids=str)
async def test_what_is_free_goes_on_where_only_spending_was_stopped(
    shop: Shop, target: Target
) -> None:
    known(shop, target)
    await entered(shop, target)
    if target in BARRING:
        with pytest.raises(Forbidden):
            await shop.admitted(free())
        return
    assert (await done(shop, await shop.claimed(free()))).state is State.SUCCEEDED


@pytest.mark.parametrize("target", ALL, ids=str)
async def test_others_are_let_in(shop: Shop, target: Target) -> None:
    known(shop, target)
    await entered(shop, target)
    assert (await shop.images.order(POOR, free(), None, ORIGIN)).fresh


@pytest.mark.parametrize("target", ALL, ids=str)
async def test_a_queued_job_ends_and_its_hold_is_released(shop: Shop, target: Target) -> None:
    job = await shop.admitted()
    assert await shop.money() == (1, 0)
    assert await entered(shop, target) == 1
    assert (await shop.look(job)).state is State.CANCELED
    assert (await shop.money(), await shop.claim()) == ((0, 0), None)


@pytest.mark.parametrize("target", ALL, ids=str)
@pytest.mark.parametrize("tell", [known, entered])
async def test_a_claimed_job_never_reaches_its_provider(
    shop: Shop, target: Target, tell: Any
) -> None:
    job = await shop.claimed()
    if tell is known:
        known(shop, target)
    else:
        assert await entered(shop, target) == 0
    ended = await done(shop, job)
    assert (ended.state, ended.error_code) == (State.FAILED, "forbidden")
    assert (shop.provider.calls, await shop.money()) == (0, (0, 0))


@pytest.mark.parametrize("target", ALL, ids=str)
async def test_what_the_provider_was_asked_for_is_kept_and_paid_and_nothing_more(
    shop: Shop, target: Target
) -> None:
    hanging = Hanging()
    shop.provider.act = hanging
    job = await shop.claimed()
    task = await begun(shop.work(), job, hanging)
    await entered(shop, target)
    known(shop, target)
    hanging.release.set()
    await task
    assert (await shop.look(job)).state is State.SUCCEEDED
    assert await shop.money() == (0, 1)
    with pytest.raises(Forbidden):
        await shop.admitted(paid("a second fox"))
    assert shop.provider.calls == 1


async def repeats(order: Order, watch: Watch) -> Delivery:
    """Ask twice, as a provider does that was refused the first time."""
    await watch.again()
    return await returns()(order, watch)


@pytest.mark.parametrize("target", ALL, ids=str)
async def test_a_refused_attempt_is_not_repeated(shop: Shop, target: Target) -> None:
    async def act(order: Order, watch: Watch) -> Delivery:
        known(shop, target)
        return await repeats(order, watch)

    shop.provider.act = act
    job = await done(shop, await shop.claimed())
    assert (job.state, job.error_code) == (State.FAILED, "forbidden")
    assert await shop.money() == (0, 0)


async def test_a_grant_taken_out_of_the_file_stops_the_repetition_too(shop: Shop) -> None:
    async def act(order: Order, watch: Watch) -> Delivery:
        shop.acl.acl = grants(subjects={BOT.subject: entry("images:write")})
        return await repeats(order, watch)

    shop.provider.act = act
    job = await done(shop, await shop.claimed())
    assert (job.state, await shop.money()) == (State.FAILED, (0, 0))


async def test_where_it_cannot_be_told_nothing_is_repeated(shop: Shop) -> None:
    async def act(order: Order, watch: Watch) -> Delivery:
        shop.credentials.fault = Unavailable("The identity provider is away.")
        return await repeats(order, watch)

    shop.provider.act = act
    job = await done(shop, await shop.claimed())
    assert (job.error_code, await shop.money()) == ("unavailable", (0, 0))


async def test_a_repetition_that_is_allowed_goes_on(shop: Shop) -> None:
    shop.provider.act = repeats
    assert (await done(shop, await shop.claimed())).state is State.SUCCEEDED


async def test_a_providers_own_fault_after_a_repetition_stays_its_own(shop: Shop) -> None:
    async def act(order: Order, watch: Watch) -> Delivery:
        await watch.again()
        raise ProviderBusy("Too busy.")

    shop.provider.act = act
    assert (await done(shop, await shop.claimed())).error_code == "provider_busy"


@pytest.mark.parametrize("caller", [BOT, OLGA], ids=["unattended", "asked"])
async def test_who_asks_is_told_that_the_operator_stopped_it(shop: Shop, caller: Caller) -> None:
    known(shop, Target(what=What.SPENDING_AT, key="painter"))
    with pytest.raises(Forbidden, match="operator has stopped") as raised:
        await shop.images.order(caller, paid(), None, ORIGIN)
    assert "free model" in raised.value.hint
