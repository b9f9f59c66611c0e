"""A provider: an upstream that makes pictures for money or for nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.spending import Usage
from imagewright.ports.clock import Clock
from imagewright.ports.imaging import Imaging


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the wiring hands to every provider's `build(config, parts)` beside its own config.

    `random` gives floats in [0, 1); `sleep` waits that many seconds.
    """

    imaging: Imaging
    clock: Clock
    random: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input picture's bytes, and their real format."""

    data: bytes
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A plan to carry out, with its inputs' bytes, and a key that is the same on every attempt."""

    plan: Plan
    references: tuple[Input, ...]
    mask: Input | None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One picture as the provider made it, untouched."""

    data: bytes
    revised_prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came back: pictures in order, and the usage reported with them (None if none was).

    There may be fewer pictures than were asked for, never none.
    """

    pictures: tuple[Made, ...]
    usage: Usage | None
    request: str | None = None
    """The provider's own id for the request, to ask it by."""


class Watch(Protocol):
    """Where a provider tells how far it is; none of these waits long, and only `again` fails."""

    async def stage(self, text: str, done: int = 0, total: int = 0) -> None:
        """A short phrase of ours, and true steps done of a known total; no invented shares."""

    async def partial(self, index: int, data: bytes) -> None:
        """A partial image that the provider really sent; `index` counts the order's from 0."""

    async def again(self) -> None:
        """Asked before an attempt that surely was not accepted is repeated.

        Raises a Fault, to be passed on, where what allowed the order was taken back meanwhile.
        """


class Provider(Protocol):
    """Called by `services.work` alone, after the job was marked started.

    Raises one of the Provider* faults, ModerationBlocked or Unsupported where it is certain that
    nothing was made and nothing will be charged, and OutcomeUnknown where the request was
    sent and the answer does not prove that. Vendor text never stands in a fault.
    It retries only what is certain not to have been accepted. Cancellation is passed on.
    """

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        """Make `plan.ask.n` pictures from words."""

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        """Make `plan.ask.n` pictures from words and the inputs."""

    async def close(self) -> None:
        """Release connections."""


class Health(Protocol):
    """Apart from the purse: asks that cost nothing."""

    async def ping(self) -> None:
        """Raise a Provider* fault unless the provider answers us."""
