"""Asks on their way in: planned, let through, handed on."""

from dataclasses import replace
from datetime import date

import pytest

from imagewright.core.ask import AUTO
from imagewright.core.errors import (
    ConfirmationRequired,
    Forbidden,
    InvalidRequest,
    StorageFull,
    Unavailable,
    UnknownModel,
    Unsupported,
)
from imagewright.core.policy import Maximum
from imagewright.services.images import find_model
from tests.services.shop import (
    BOT,
    BRUSH,
    OFFERS,
    OLGA,
    ORIGIN,
    POOR,
    SKETCH,
    Shop,
    entry,
    free,
    grants,
    paid,
)


async def test_offers_hold_only_what_the_callers_lists_reach(shop: Shop) -> None:
    shop.offer(*OFFERS, replace(OFFERS[0], name="other"))
    limited = entry("images:read", providers=("painter",), models=("sk*",))
    shop.acl.acl = grants(subjects={POOR.subject: limited})
    assert shop.images.offers(POOR) == (replace(OFFERS[0], models=(SKETCH,)),)
    assert [offer.name for offer in shop.images.offers(OLGA)] == ["painter", "other"]


async def test_an_estimate_is_the_quote_and_leaves_no_trace(shop: Shop) -> None:
    found = shop.images.estimate(OLGA, paid(n=3))
    assert found.quote.public()["ceiling_usd"] == "0.12"
    assert (found.plan.model, str(found.plan.size)) == ("brush", "64x48")
    assert shop.books.calls == {}


async def test_an_estimate_beyond_a_maximum_is_refused(shop: Shop) -> None:
    shop.acl.acl = grants(subjects={OLGA.subject: entry("images:read", maximum=Maximum(n=1))})
    with pytest.raises(Forbidden):
        shop.images.estimate(OLGA, paid(n=3))


async def test_a_fresh_job_is_told_of_and_delivered_once(shop: Shop) -> None:
    first = await shop.images.order(BOT, paid(), None, ORIGIN)
    await shop.queue.wait(0)
    async with shop.board.watch(first.job.id) as news:
        again = await shop.images.order(BOT, paid(), None, ORIGIN)
        assert not again.fresh
        shop.clock.advance(1)
        await shop.jobs.cancel(BOT, first.job.id, ORIGIN)
        assert (await anext(news)).stage == "canceled"


async def test_the_first_model_that_can_is_taken(shop: Shop) -> None:
    assert shop.images.estimate(OLGA, replace(paid(), model=AUTO)).plan.model == "brush"
    ended = replace(BRUSH, ends=date(2026, 11, 21))
    shop.offer(replace(OFFERS[0], models=(ended, SKETCH)))
    assert shop.images.estimate(OLGA, replace(paid(), model=AUTO)).plan.model == "sketch"
    with pytest.raises(Unsupported, match="shut down"):
        shop.images.estimate(OLGA, paid())


async def test_a_long_prompt_is_refused(shop: Shop) -> None:
    shop.images.estimate(OLGA, paid("x" * 100))
    with pytest.raises(InvalidRequest, match="100 characters"):
        shop.images.estimate(OLGA, paid("x" * 101))


async def test_nothing_is_taken_where_no_picture_could_be_kept(shop: Shop) -> None:
    shop.blobs.full = True
    with pytest.raises(StorageFull):
        await shop.images.order(BOT, paid(), None, ORIGIN)
    assert await shop.money() == (0, 0)


async def test_nothing_is_taken_nor_asked_about_once_the_service_is_stopping(shop: Shop) -> None:
    with pytest.raises(ConfirmationRequired):
        await shop.images.order(OLGA, paid(), None, ORIGIN)
    assert not shop.intake.closed
    shop.intake.close()
    with pytest.raises(Unavailable) as raised:
        await shop.images.order(OLGA, paid(), None, ORIGIN)
    assert raised.value.details["retry_after"] == 10
    assert shop.intake.closed


async def test_a_model_is_found_by_its_names_or_said_to_be_gone(shop: Shop) -> None:
    assert find_model(shop.catalogue.current(), "painter", "brush") == BRUSH
    for provider, name in (("painter", "pen"), ("nobody", "brush")):
        with pytest.raises(UnknownModel, match="no longer configured"):
            find_model(shop.catalogue.current(), provider, name)


async def test_two_subjects_with_the_same_ask_have_a_job_each(shop: Shop) -> None:
    first = await shop.images.order(BOT, free(), None, ORIGIN)
    second = await shop.images.order(POOR, free(), None, ORIGIN)
    assert second.fresh
    assert first.job.id != second.job.id


@pytest.mark.parametrize(
    ("provider", "name", "barred"),
    [
        ("auto", "brush", True),
        ("painter", "brush", True),
        ("painter", "sketch", False),
        ("painter", "never", False),
        ("nobody", "brush", False),
    ],
)
def test_what_lists_keep_from_a_caller_is_told_from_what_never_was(
    shop: Shop, provider: str, name: str, barred: bool
) -> None:
    shop.acl.acl = grants(subjects={BOT.subject: entry("images:write", models=("sketch",))})
    assert shop.images.barred(BOT, provider, name) is barred
