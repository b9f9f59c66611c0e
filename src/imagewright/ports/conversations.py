"""What images that were refined from one another need to be refined further."""

from typing import Protocol

from imagewright.core.caller import Caller
from imagewright.core.conversation import Continued, Conversation
from imagewright.ports.books import Origin as Whence


class Conversations(Protocol):
    """Turns are entered by `Books.settle` and leave with their images by `Library.delete`.

    The subject always comes first; another's conversation or image is NotFound, like one that
    never was. Times are UTC microseconds.
    """

    async def continued(self, subject: str, image: str) -> Continued:
        """What a refinement of an image goes on from; an image without a turn begins one.

        Raises NotFound.
        """

    async def continuation(self, subject: str, image: str) -> str | None:
        """What the provider left with an image: for that provider alone, and never to be shown."""

    async def list(
        self, subject: str, *, limit: int, before: str | None
    ) -> tuple[Conversation, ...]:
        """Those of two turns or more, the last changed first, from before one of the subject's own.

        Raises NotFound where `before` is none.
        """

    async def clear(self, caller: Caller, conversation: str, whence: Whence, now: int) -> int:
        """Forget its turns and continuations, audit it, and return how many; images stay.

        Raises NotFound.
        """
