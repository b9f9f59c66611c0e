"""Conversations: gone on from, listed and cleared."""

from imagewright.core.caller import Caller
from imagewright.core.conversation import Continued, Conversation
from imagewright.ports.books import Origin
from imagewright.ports.clock import Clock
from imagewright.ports.conversations import Conversations


class ConversationService:
    """One subject at a time: whatever it does not own is not there."""

    def __init__(self, conversations: Conversations, clock: Clock) -> None:
        self._conversations = conversations
        self._clock = clock

    async def continued(self, subject: str, image: str) -> Continued:
        """What a refinement of an image goes on from. Raises NotFound."""
        return await self._conversations.continued(subject, image)

    async def list(
        self, subject: str, *, limit: int, before: str | None
    ) -> tuple[Conversation, ...]:
        """The last changed first. Raises NotFound for a page that starts nowhere."""
        return await self._conversations.list(subject, limit=limit, before=before)

    async def clear(self, caller: Caller, conversation: str, origin: Origin) -> int:
        """Forget its turns, and say how many; the images stay. Raises NotFound."""
        now = self._clock.now()
        return await self._conversations.clear(caller, conversation, origin, now)
