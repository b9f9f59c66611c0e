"""A conversation: images that were refined from one another, and the prompts that led to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imagewright.core.ids import Kind

MAX_EARLIER = 64
"""How many turns back a refinement looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How an image came to be, as a later turn needs it; `at` is UTC microseconds.

    `parent` is the image that it was refined from, None where a conversation begins.
    `continuation` is what the provider left with it, for no one but that provider to read.
    """

    image: str
    conversation: str
    parent: str | None
    provider: str
    model: str
    prompt: str
    at: int
    continuation: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """The image that an ask goes on from, who made it, and the prompts that led to it.

    `earlier` has the oldest first; `cut` says that there were older ones. `left` says that the
    provider left a continuation with the image.
    """

    image: str
    conversation: str
    provider: str
    model: str
    left: bool
    earlier: tuple[str, ...]
    cut: bool = False

    def left_with(self, provider: str, model: str) -> bool:
        """Whether this model of this provider can go on from what it left with the image."""
        return self.left and (provider, model) == (self.provider, self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What is listed of a conversation: its first prompt, turns, last image and when that came."""

    id: str
    prompt: str
    turns: int
    image: str
    at: int


def conversation_of(image: str) -> str:
    """The id of the conversation that begins with an image: its own letters."""
    return f"{Kind.CONVERSATION.value}_{image.partition('_')[2]}"


def recent(prompts: Iterable[str], room: int) -> tuple[tuple[str, ...], bool]:
    """Of prompts, newest first, those that fit `room` characters, oldest first.

    True beside them where some did not fit, or were more than `MAX_EARLIER`.
    """
    found: list[str] = []
    for prompt in prompts:
        room -= len(prompt)
        if room < 0 or len(found) == MAX_EARLIER:
            return tuple(reversed(found)), True
        found.append(prompt)
    return tuple(reversed(found)), False


def retold(earlier: Sequence[str], prompt: str, room: int) -> tuple[str, int]:
    """A prompt with the earlier ones before it, and how many of the oldest had no room.

    What is put before the prompt has at most `room` characters.
    """
    now = "Now: "
    lines: list[str] = []
    left = room - len(now)
    for each in reversed(earlier):
        line = f"Earlier: {each}\n"
        if len(line) > left:
            break
        left -= len(line)
        lines.append(line)
    told = "".join(reversed(lines))
    return (f"{told}{now}{prompt}" if lines else prompt), len(earlier) - len(lines)
