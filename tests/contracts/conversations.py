"""What every keeper of conversations promises. A suite gives `desk` and `conversations`."""

from dataclasses import replace

import pytest

from imagewright.core.caller import Caller
from imagewright.core.conversation import (
    MAX_EARLIER,
    Continued,
    Conversation,
    Turn,
    conversation_of,
)
from imagewright.core.errors import NotFound
from imagewright.core.image import Image
from imagewright.ports.conversations import Conversations
from tests.contracts.samples import NOON, OWNER, STRANGER, TEAM_MATE, WHENCE, Desk, verdict

ME = OWNER.subject
LEFT = "what nobody but the provider may read"


def turn_of(image: Image, parent: Turn | None = None, left: str | None = LEFT) -> Turn:
    return Turn(
        image=image.id,
        conversation=parent.conversation if parent else conversation_of(image.id),
        parent=parent.image if parent else None,
        provider=image.provider,
        model=image.model,
        prompt=image.prompt,
        at=image.created_at,
        continuation=left,
    )


async def made(
    desk: Desk, prompt: str, parent: Turn | None = None, left: str | None = LEFT, at: int = NOON
) -> Turn:
    """A turn whose job was settled with it."""
    await desk.admit(prompt)
    job = await desk.run()
    image = desk.image(job.id, prompt, created_at=at)
    turn = turn_of(image, parent, left)
    assert await desk.books.settle(verdict(job, images=(image,), turns=(turn,)))
    return turn


class GoingOn:
    async def test_an_image_without_a_turn_begins_a_conversation(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        _, image = await desk.done("a fox")
        assert await conversations.continued(ME, image.id) == Continued(
            image=image.id,
            conversation=conversation_of(image.id),
            provider="painter",
            model="brush-1",
            left=False,
            earlier=("a fox",),
        )
        assert await conversations.continuation(ME, image.id) is None
        brought = desk.image(prompt="")
        await desk.library.add(OWNER, brought, WHENCE)
        assert (await conversations.continued(ME, brought.id)).earlier == ()

    async def test_what_the_provider_left_comes_back_for_it(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        turn = await made(desk, "a fox")
        found = await conversations.continued(ME, turn.image)
        assert (found.left, found.earlier) == (True, ("a fox",))
        assert await conversations.continuation(ME, turn.image) == LEFT
        assert LEFT not in repr(turn)

    async def test_a_branch_knows_the_prompts_that_led_to_it_alone(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        first = await made(desk, "a fox")
        second = await made(desk, "in snow", first)
        other = await made(desk, "at night", first, left=None)
        third = await made(desk, "larger", second)
        found = await conversations.continued(ME, third.image)
        assert found.earlier == ("a fox", "in snow", "larger")
        assert found.conversation == first.conversation
        beside = await conversations.continued(ME, other.image)
        assert (beside.earlier, beside.left) == (("a fox", "at night"), False)

    async def test_the_first_turn_is_entered_with_the_second(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        _, image = await desk.done("a fox")
        second = await made(desk, "in snow", turn_of(image), at=NOON + 1)
        assert (await conversations.continued(ME, second.image)).earlier == ("a fox", "in snow")
        (listed,) = await conversations.list(ME, limit=9, before=None)
        assert (listed.turns, listed.prompt) == (2, "a fox")

    async def test_a_parent_that_is_gone_or_anothers_is_not_entered(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        theirs = desk.image(prompt="theirs")
        await desk.library.add(STRANGER, theirs, WHENCE)
        turn = await made(desk, "in snow", turn_of(theirs))
        assert (await conversations.continued(ME, turn.image)).earlier == ("in snow",)
        gone = await made(desk, "larger", turn_of(desk.image()))
        assert (await conversations.continued(ME, gone.image)).earlier == ("larger",)

    async def test_only_so_many_turns_back_are_told(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        await desk.admit("many")
        job = await desk.run()
        turns: list[Turn] = []
        pictures = [desk.image(job.id, f"{place}", index=place) for place in range(MAX_EARLIER + 1)]
        for image in pictures:
            turns.append(turn_of(image, turns[-1] if turns else None))
        assert await desk.books.settle(verdict(job, images=tuple(pictures), turns=tuple(turns)))
        found = await conversations.continued(ME, turns[-1].image)
        assert found.cut
        assert found.earlier == tuple(str(place) for place in range(1, MAX_EARLIER + 1))
        whole = await conversations.continued(ME, turns[-2].image)
        assert (whole.cut, len(whole.earlier)) == (False, MAX_EARLIER)

    @pytest.mark.parametrize("who", [TEAM_MATE, STRANGER, Caller(subject="user:never")])
    async def test_anothers_is_one_that_never_was(
        self, desk: Desk, conversations: Conversations, who: Caller
    ) -> None:
        first = await made(desk, "a fox")
        await made(desk, "in snow", first)
        assert await conversations.continuation(who.subject, first.image) is None
        assert await conversations.list(who.subject, limit=9, before=None) == ()
        told = []
        for image, conversation in (
            (first.image, first.conversation),
            ("img_never", "cnv_never"),
        ):
            with pytest.raises(NotFound) as refused:
                await conversations.continued(who.subject, image)
            told.append(refused.value.public())
            with pytest.raises(NotFound) as refused:
                await conversations.list(who.subject, limit=9, before=conversation)
            told.append(refused.value.public())
            with pytest.raises(NotFound) as refused:
                await conversations.clear(who, conversation, WHENCE, NOON)
            told.append(refused.value.public())
        assert told[:3] == told[3:]
        assert (await conversations.continued(ME, first.image)).left


class Listing:
    async def test_a_conversation_has_more_than_its_first_turn(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        alone = await made(desk, "alone")
        first = await made(desk, "a fox")
        last = await made(desk, "in snow", first, at=NOON + 7)
        assert await conversations.list(ME, limit=9, before=None) == (
            Conversation(
                id=first.conversation, prompt="a fox", turns=2, image=last.image, at=NOON + 7
            ),
        )
        with pytest.raises(NotFound):
            await conversations.list(ME, limit=9, before=alone.conversation)

    async def test_pages_follow_one_another(self, desk: Desk, conversations: Conversations) -> None:
        ids = []
        for place in range(5):
            first = await made(desk, f"fox {place}")
            await made(desk, f"snow {place}", first, at=NOON + place // 2)
            ids.append(first.conversation)
        seen: list[Conversation] = []
        before = None
        while page := await conversations.list(ME, limit=2, before=before):
            seen += page
            before = seen[-1].id
        assert len(seen) == 5
        assert {each.id for each in seen} == set(ids)
        assert [each.at for each in seen] == sorted((each.at for each in seen), reverse=True)


class Forgetting:
    async def test_a_cleared_conversation_is_forgotten_and_its_images_stay(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        first = await made(desk, "a fox")
        second = await made(desk, "in snow", first)
        assert await conversations.clear(OWNER, first.conversation, WHENCE, NOON) == 2
        assert await conversations.list(ME, limit=9, before=None) == ()
        assert await conversations.continuation(ME, second.image) is None
        again = await conversations.continued(ME, second.image)
        assert (again.conversation, again.earlier) == (
            conversation_of(second.image),
            ("in snow",),
        )
        with pytest.raises(NotFound):
            await conversations.clear(OWNER, first.conversation, WHENCE, NOON)

    async def test_a_turn_that_ends_after_the_clearing_keeps_its_conversation(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        first = await made(desk, "a fox")
        second = await made(desk, "in snow", first)
        await conversations.clear(OWNER, first.conversation, WHENCE, NOON)
        third = await made(desk, "larger", second, at=NOON + 9)
        (listed,) = await conversations.list(ME, limit=9, before=None)
        assert (listed.id, listed.turns, listed.image) == (first.conversation, 2, third.image)

    async def test_a_deleted_image_takes_its_turn_with_it(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        first = await made(desk, "a fox")
        second = await made(desk, "in snow", first)
        third = await made(desk, "larger", second)
        await desk.library.delete(OWNER, second.image, WHENCE, NOON, derived=False)
        assert await conversations.continuation(ME, second.image) is None
        assert (await conversations.continued(ME, third.image)).earlier == ("larger",)
        (listed,) = await conversations.list(ME, limit=9, before=None)
        assert listed.turns == 2

    async def test_what_is_not_settled_leaves_no_turn(
        self, desk: Desk, conversations: Conversations
    ) -> None:
        await desk.admit("a fox")
        job = await desk.run()
        image = desk.image(job.id)
        late = replace(verdict(job, images=(image,), turns=(turn_of(image),)), attempt=9)
        assert not await desk.books.settle(late)
        assert await conversations.continuation(ME, image.id) is None


class ConversationsContract(GoingOn, Listing, Forgetting):
    pass
