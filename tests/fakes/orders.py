"""Orders, and what providers are given beside them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from imagewright.core.ask import Action, Ask, Background, Reference
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.size import Size
from imagewright.ports.imaging import Imaging
from imagewright.ports.provider import MAX_REQUEST, Input, Order, Parts
from tests.fakes.imaging import PlainImaging
from tests.fakes.pictures import encoded, half_changed

PROMPT = "a-cat-nobody-may-read-about"
KEY = "job_key_1"
SIZE = Size(96, 64)


def order(
    *,
    references: int = 0,
    mask: bool = False,
    size: Size | None = SIZE,
    form: Format = Format.PNG,
    ask: dict[str, Any] | None = None,
    **plan: Any,
) -> Order:
    """An order for 96x64 PNG; `ask` and the rest change the values of its ask and plan."""
    inputs = tuple(
        Input(data=encoded(96, 64, shade=number), format=Format.PNG) for number in range(references)
    )
    masked = Input(data=half_changed(96, 64), format=Format.PNG) if mask else None
    reference = Reference(image="i", sha256="0" * 64, size=SIZE, format=Format.PNG, alpha=False)
    asked = Ask(
        action=Action.EDIT if references else Action.GENERATE,
        prompt=PROMPT,
        references=(reference,) * references,
        mask=reference if mask else None,
        **(ask or {}),
    )
    values: dict[str, Any] = {
        "provider": "p",
        "model": "the-model",
        "upstream": "the-upstream",
        "prompt": asked.prompt,
        "negative_prompt": None,
        "quality": None,
        "background": None,
        "output_compression": None,
        **plan,
    }
    made = Plan(ask=asked, size=size, output_format=form, **values)
    return Order(plan=made, references=inputs, mask=masked, key=KEY)


TRANSPARENT: dict[str, Any] = {"background": Background.TRANSPARENT}


@dataclass
class Watched:
    """A watch that remembers; `taken_back` stops repetitions."""

    stages: list[tuple[str, int, int]] = field(default_factory=list)
    partials: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    repeated: int = 0
    taken_back: Exception | None = None

    async def stage(
        self, text: str, done: int = 0, total: int = 0, left: float | None = None
    ) -> None:
        assert left is None or left >= 0
        self.stages.append((text, done, total))

    async def partial(self, index: int, data: bytes) -> None:
        self.partials.append((index, data))

    async def accepted(self, request: str) -> None:
        assert len(request) <= MAX_REQUEST
        self.requests.append(request)

    async def again(self) -> None:
        self.repeated += 1
        if self.taken_back is not None:
            raise self.taken_back


class Time:
    """A clock and a sleep that agree: sleeping takes no time but moves the clock."""

    def __init__(self, now: float = 1_763_700_000.0) -> None:
        self.at = now
        self.slept: list[float] = []

    def now(self) -> int:
        return int(self.at * 1_000_000)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


def parts(
    time: Time | None = None, imaging: Imaging | None = None, chances: Iterable[float] = ()
) -> Parts:
    """Parts whose random numbers are `chances`, then zeros."""
    time = time or Time()
    rest = iter(chances)
    return Parts(
        imaging=imaging or PlainImaging(),
        clock=time,
        random=lambda: next(rest, 0.0),
        sleep=time.sleep,
    )
