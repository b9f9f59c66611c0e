"""Refining: the provider goes on from what it left, or is told the earlier prompts."""

import pytest

from imagewright.core.ask import Action, Ask
from imagewright.core.conversation import conversation_of
from imagewright.core.errors import Forbidden, NotFound
from imagewright.core.image import Image, Origin
from imagewright.core.job import State
from imagewright.core.plan import read_plan
from imagewright.ports.provider import MAX_CONTINUATION, Delivery, Made, Order, Watch
from imagewright.services.conversations import ConversationService
from tests.fakes.pictures import encoded
from tests.fakes.provider import Act
from tests.services.attempts import done
from tests.services.shop import BOT, OLGA, ORIGIN, Shop, entry, free, grants, paid

LEFT = "what nobody but the provider may read"


def leaves(continuation: str | None) -> Act:
    async def act(order: Order, watch: Watch) -> Delivery:
        made = Made(data=encoded(shade=len(order.plan.prompt)), continuation=continuation)
        return Delivery(pictures=(made,), usage=None)

    return act


@pytest.fixture
def conversations(shop: Shop) -> ConversationService:
    return ConversationService(shop.conversations, shop.clock)


async def first(shop: Shop, continuation: str | None = LEFT) -> Image:
    shop.provider.act = leaves(continuation)
    job = await done(shop, await shop.claimed())
    (image,) = await shop.library.of_job(BOT.subject, job.id)
    return image


async def refining(
    shop: Shop, conversations: ConversationService, image: Image, prompt: str = "larger"
) -> Ask:
    references = await shop.inputs.references(BOT, (image.id,), ORIGIN)
    continued = await conversations.continued(BOT.subject, image.id)
    return Ask(action=Action.EDIT, prompt=prompt, references=references, continued=continued)


async def test_what_the_provider_left_goes_back_to_it_alone(
    shop: Shop, conversations: ConversationService
) -> None:
    image = await first(shop)
    job = await done(shop, await shop.claimed(await refining(shop, conversations, image)))
    assert job.state is State.SUCCEEDED
    (order,) = shop.provider.edited
    assert (order.continuation, order.plan.prompt) == (LEFT, "larger")
    assert LEFT not in job.plan + str(job.outcome)
    (made,) = await shop.library.of_job(BOT.subject, job.id)
    assert (made.origin, made.prompt) == (Origin.EDITED, "larger")
    (listed,) = await conversations.list(BOT.subject, limit=9, before=None)
    assert (listed.id, listed.image) == (conversation_of(image.id), made.id)
    assert await conversations.list(OLGA.subject, limit=9, before=None) == ()


@pytest.mark.parametrize("left", [None, "x" * (MAX_CONTINUATION + 1)])
async def test_without_anything_left_the_earlier_prompts_are_told(
    shop: Shop, conversations: ConversationService, left: str | None
) -> None:
    image = await first(shop, left)
    job = await done(shop, await shop.claimed(await refining(shop, conversations, image)))
    (order,) = shop.provider.edited
    assert (order.continuation, order.plan.prompt) == (None, "Earlier: a fox\nNow: larger")
    (made,) = await shop.library.of_job(BOT.subject, job.id)
    again = await refining(shop, conversations, made, "darker")
    await done(shop, await shop.claimed(again))
    assert shop.provider.edited[1].plan.prompt == "Earlier: a fox\nEarlier: larger\nNow: darker"


async def test_the_same_refinement_again_is_the_same_ask(
    shop: Shop, conversations: ConversationService
) -> None:
    image = await first(shop)
    job = await done(shop, await shop.claimed(await refining(shop, conversations, image)))
    again = await shop.images.order(BOT, await refining(shop, conversations, image), None, ORIGIN)
    assert (again.fresh, again.job.id) == (False, job.id)
    edit = Ask(
        action=Action.EDIT,
        prompt="larger",
        references=(await refining(shop, conversations, image)).references,
    )
    assert (await shop.images.order(BOT, edit, None, ORIGIN)).fresh


async def test_a_conversation_cleared_meanwhile_is_not_gone_on_from(
    shop: Shop, conversations: ConversationService
) -> None:
    image = await first(shop)
    job = await shop.claimed(await refining(shop, conversations, image))
    assert read_plan(job.plan).resumed
    await conversations.clear(BOT, conversation_of(image.id), ORIGIN)
    ended = await done(shop, job)
    assert (ended.state, ended.error_code) == (State.FAILED, NotFound.code)
    assert shop.provider.edited == []
    assert await shop.money() == (0, 1)


async def test_the_acl_knows_a_refinement_by_its_tool(
    shop: Shop, conversations: ConversationService
) -> None:
    image = await first(shop)
    ask = await refining(shop, conversations, image)
    narrow = entry("images:read", "images:write", "spend:unattended", tools=("edit_image",))
    shop.acl.acl = grants(subjects={BOT.subject: narrow})
    with pytest.raises(Forbidden):
        await shop.images.order(BOT, ask, None, ORIGIN)


async def test_clearing_says_how_many_turns_and_takes_only_ones_own(
    shop: Shop, conversations: ConversationService
) -> None:
    image = await first(shop)
    await done(shop, await shop.claimed(await refining(shop, conversations, image)))
    for who, conversation in ((OLGA, conversation_of(image.id)), (BOT, "cnv_never")):
        with pytest.raises(NotFound, match="There is no such conversation"):
            await conversations.clear(who, conversation, ORIGIN)
    assert await conversations.clear(BOT, conversation_of(image.id), ORIGIN) == 2


async def test_a_plain_job_leaves_no_turn(shop: Shop, conversations: ConversationService) -> None:
    await done(shop, await shop.claimed(free()))
    job = await done(shop, await shop.claimed(paid()))
    (image,) = await shop.library.of_job(BOT.subject, job.id)
    assert not (await conversations.continued(BOT.subject, image.id)).left
