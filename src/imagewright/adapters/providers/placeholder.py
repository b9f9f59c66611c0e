"""Pictures drawn here, for nothing: to try the service, to show it, and to test it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from imagewright.core.ask import Background
from imagewright.core.picture import Drawing
from imagewright.core.size import Size
from imagewright.core.spending import Usage
from imagewright.ports.imaging import Imaging
from imagewright.ports.provider import Delivery, Made, Order, Parts, Watch

_SEEDS = 2**53
_SIZE = Size(1024, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`delay` is how many seconds each picture takes beside the drawing, to show progress.

    Raises ValueError for a delay that is not from 0 to 600.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}
    """For settings: a key that is none of these is a mistake."""

    name: str = "placeholder"
    delay: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.delay <= 600:
            raise ValueError("delay must be from 0 to 600 seconds")


def build(config: Config, parts: Parts) -> "Placeholder":
    """The provider as configured."""
    return Placeholder(config, parts)


class Placeholder:
    """`ports.provider.Provider` and `Health`; the same order draws the same pictures."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._draw_all(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        return await self._draw_all(order, watch)

    async def ping(self) -> None:
        await self._parts.imaging.ping()

    async def close(self) -> None:
        pass

    async def _draw_all(self, order: Order, watch: Watch) -> Delivery:
        count = order.plan.ask.n
        pictures = []
        for index in range(count):
            await watch.stage("Drawing", index, count)
            pictures.append(await self._draw_one(order, index, watch))
        await watch.stage("Drawing", count, count)
        return Delivery(pictures=tuple(pictures), usage=Usage(pictures=count))

    async def _draw_one(self, order: Order, index: int, watch: Watch) -> Made:
        partials = order.plan.ask.partial_images
        steps = partials + 1
        seed = picture_seed(order, index)
        for step in range(1, steps):
            await self._pause(steps)
            data = await self._imaging.draw(_drawing(order, seed, step / steps))
            await watch.partial(index * partials + step - 1, data)
        await self._pause(steps)
        return Made(data=await self._imaging.draw(_drawing(order, seed, 1.0)), seed=seed)

    async def _pause(self, steps: int) -> None:
        if self._config.delay:
            await self._parts.sleep(self._config.delay / steps)

    @property
    def _imaging(self) -> Imaging:
        return self._parts.imaging


def picture_seed(order: Order, index: int) -> int:
    """The asked seed, or one from the words, counted up for each picture.

    Asking again with the seed of one picture draws that picture.
    """
    ask = order.plan.ask
    first = ask.seed
    if first is None:
        words = "\0".join((order.plan.prompt, ask.variation or ""))
        first = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
    return (first + index) % _SEEDS


def _drawing(order: Order, seed: int, fraction: float) -> Drawing:
    plan = order.plan
    return Drawing(
        prompt=plan.prompt,
        size=plan.size or _SIZE,
        format=plan.output_format,
        transparent=plan.background is Background.TRANSPARENT,
        compression=plan.output_compression,
        seed=seed,
        fraction=fraction,
        reference=order.references[0].data if order.references else None,
        mask=order.mask.data if order.mask else None,
        strength=plan.ask.strength,
    )
