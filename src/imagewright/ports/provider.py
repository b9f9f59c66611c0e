"""A provider: an upstream that makes pictures for money or for nothing."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, runtime_checkable

from imagewright.core.catalogue import Price
from imagewright.core.errors import Fault
from imagewright.core.option import Option
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.spending import Usage
from imagewright.ports.clock import Clock
from imagewright.ports.imaging import Imaging

MAX_CONTINUATION = 1_000_000
MAX_REQUEST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the wiring hands to every provider's `build(config, parts)` beside its own config.

    `random` gives floats in [0, 1); `sleep` waits that many seconds. `egress` is the Unix socket
    of the proxy by way of which every address is opened, None where that is done from here.
    """

    imaging: Imaging
    clock: Clock
    random: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    egress: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input picture's bytes, and their real format."""

    data: bytes
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A plan to carry out, with its inputs' bytes, and a key that is the same on every attempt.

    `mask` is a PNG with one band of 8 bits, as large as the first reference: white is changed,
    black is kept. `continuation` is what this provider left with the first reference when it made
    that picture, for a plan that refines it. An order that is collected has none of these.
    """

    plan: Plan
    references: tuple[Input, ...]
    mask: Input | None
    key: str
    continuation: str | None = None
    until: int | None = None
    """UTC microseconds: what is not done then is taken back, where the vendor lets us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One picture as the provider made it, untouched.

    `continuation` is what the provider needs to go on from it in a later order, for no one but
    itself to read: at most `MAX_CONTINUATION` characters.
    """

    data: bytes
    revised_prompt: str | None = None
    seed: int | None = None
    continuation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came back: pictures in order, and the usage reported with them (None if none was).

    There may be fewer pictures than were asked for. `failures` says by index, from 0,
    which are missing and why; the pictures are the others'. Those that are missing
    without a fault of their own were not made. `usage` counts what was charged: what an
    OutcomeUnknown among the failures may cost is not in it. There are no pictures at all only
    where a failure for each says why, and the usage what the vendor charges all the same: for
    thoughts, or for words instead of a picture.
    """

    pictures: tuple[Made, ...]
    usage: Usage | None
    request: str | None = None
    """The provider's own id for the request, to ask it by."""
    failures: Mapping[int, Fault] = field(default_factory=dict)


class Watch(Protocol):
    """Where a provider tells how far it is; none of these waits long, and only `again` fails."""

    async def stage(
        self, text: str, done: int = 0, total: int = 0, left: float | None = None
    ) -> None:
        """A short phrase of ours, and true steps done of a known total; no invented shares.

        `left` is how many seconds the provider itself says are left.
        """

    async def partial(self, index: int, data: bytes) -> None:
        """A partial image that the provider really sent; `index` counts the order's from 0."""

    async def accepted(self, request: str) -> None:
        """Told as soon as the vendor can be asked after the order, and each time that changes.

        `request` is for the provider's own `collect`: at most `MAX_REQUEST` characters, and no
        secret. It is kept with the job, so that the order survives this process.
        """

    async def again(self) -> None:
        """Asked before an attempt that surely was not accepted is repeated.

        Raises a Fault, to be passed on, where what allowed the order was taken back meanwhile.
        """


class NotYet(Exception):
    """A vendor is still at work, or did not answer; asked after `pause` seconds, it may tell."""

    def __init__(self, pause: float) -> None:
        super().__init__()
        self.pause = pause


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


@runtime_checkable
class Tracking(Protocol):
    """Only providers have it whose vendors can be asked after an order once it was taken."""

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        """Fetch what came of an order that was taken earlier, by what `accepted` was told.

        It never makes a new order, so it may be repeated at any time. Raises NotYet where the
        vendor is at work or cannot be reached, a fault as `Provider` does where the vendor says
        that nothing was made, and OutcomeUnknown where it no longer tells. Pictures that the
        vendor cannot be asked after are OutcomeUnknown among the delivery's failures.
        """


@runtime_checkable
class Economical(Tracking, Protocol):
    """Only providers have it whose vendors do for less what may take hours."""

    async def submit(self, order: Order, watch: Watch) -> float:
        """Hand an order to the vendor's batch, and tell in how many seconds to ask after it.

        Called as `Provider.generate` is, and raises like it. `accepted` is told before the vendor
        is, so that an order can be asked after whose answer was lost. `collect` raises NotYet until
        the batch has ended; at the order's `until` it takes the batch back, delivers what was made
        by then, and is certain that the rest was not made only where the vendor says so.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model that a provider itself says it has, by the name its API knows it by.

    None for what it does not tell. `options` are those of `core.catalogue.Model`. `like` is the
    model of the adapter's own data file whose keys it has, as in an operator's entry; a price that
    is not 0 is not taken from it.
    """

    upstream: str
    title: str | None = None
    ends: date | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    like: str | None = None
    price: Price | None = None


@runtime_checkable
class Discovery(Protocol):
    """Apart from the purse, and only some providers have it."""

    async def discover(self) -> tuple[Found, ...]:
        """The models that the provider lists now. Raises a Provider* fault.

        A provider whose list holds other things than makers of pictures leaves those out.
        """


class Health(Protocol):
    """Apart from the purse: asks that cost nothing."""

    async def ping(self) -> None:
        """Raise a Provider* fault unless the provider answers us."""
