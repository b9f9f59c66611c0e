"""A provider that does what a test says, and counts what it was asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Made, Order, Watch
from tests.fakes.pictures import encoded

Act = Callable[[Order, Watch], Awaitable[Delivery]]


def delivery(*pictures: bytes, usage: Usage | None = None) -> Delivery:
    return Delivery(
        pictures=tuple(Made(data=data, seed=seed) for seed, data in enumerate(pictures)),
        usage=usage,
        request="vendor-request-1",
    )


def returns(*pictures: bytes, usage: Usage | None = None) -> Act:
    """Deliver these pictures, or as many plain ones as were ordered."""

    async def act(order: Order, watch: Watch) -> Delivery:
        plain = tuple(encoded(shade=50 + number) for number in range(order.plan.ask.n))
        return delivery(*(pictures or plain), usage=usage)

    return act


def accepts(then: Act, request: str = "vendor-order-1") -> Act:
    """Tell that the vendor has the order, then do the rest."""

    async def act(order: Order, watch: Watch) -> Delivery:
        await watch.accepted(request)
        return await then(order, watch)

    return act


def fails(fault: BaseException) -> Act:
    """Raise it."""

    async def act(order: Order, watch: Watch) -> Delivery:
        raise fault

    return act


def sends_partials(*partials: bytes) -> Act:
    """Tell a stage and send partials, then deliver."""

    async def act(order: Order, watch: Watch) -> Delivery:
        for index, data in enumerate(partials):
            await watch.stage("drawing", index, len(partials))
            await watch.partial(index, data)
        return await returns()(order, watch)

    return act


@dataclass
class Hanging:
    """Hangs until `release` is set, then delivers; `begun` is set as soon as it was called."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    broken_off: int = 0

    async def __call__(self, order: Order, watch: Watch) -> Delivery:
        self.begun.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        return await returns()(order, watch)


@dataclass
class ScriptedProvider:
    """Keeps `ports.provider.Provider`: each order takes the next of `script`, then `act`."""

    act: Act = field(default_factory=returns)
    script: list[Act] = field(default_factory=list)
    generated: list[Order] = field(default_factory=list)
    edited: list[Order] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return len(self.generated) + len(self.edited)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        self.generated.append(order)
        return await self._next()(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        self.edited.append(order)
        return await self._next()(order, watch)

    async def close(self) -> None:
        pass

    def _next(self) -> Act:
        return self.script.pop(0) if self.script else self.act


@dataclass
class TrackedProvider(ScriptedProvider):
    """Keeps `ports.provider.Tracking` too: each look takes the next of `looks`, then `found`."""

    looks: list[Act] = field(default_factory=list)
    found: Act = field(default_factory=returns)
    asked: list[str] = field(default_factory=list)

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        assert (order.references, order.mask) == ((), None)
        self.asked.append(request)
        look = self.looks.pop(0) if self.looks else self.found
        return await look(order, watch)
