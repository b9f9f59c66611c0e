"""Black Forest Labs' API: a task is sent, asked for until it is done, and its picture fetched.

`POST /v1/{model}` answers `{id, polling_url, cost}`, and the address `{status, result}` (its
OpenAPI description of 2026; litellm 1.109.1 for the statuses). A named size is sent as
`aspect_ratio`, any other as `width` and `height`; an edit that asks for neither size nor ratio
keeps the shape of its first image. `cost` is in credits, cents of a US dollar.
Options of a model in the catalogue:

* `image`: `image` for a model that changes one image behind a mask and keeps its size; others take
  none, or several as `input_image`, `input_image_2` and so on.
* every other one is a parameter under its own name, such as `steps` or `safety_tolerance`.

The key goes to the configured origin, and from one host of bfl.ai to another; where the address of
a task leads elsewhere, the configured server is asked by the id. The picture is fetched without
the key. A task that ended without a picture and without a reason that we know may be charged, so
its outcome is unknown, and the fault names its id. A task cannot be cancelled; one whose call broke
off is asked for again by its id.
"""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from math import sqrt
from urllib.parse import quote

from imagewright.adapters.web.client import Call, Client
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.web.netguard import Guard
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Line
from imagewright.adapters.wire.polling import (
    NoWord,
    Patience,
    Place,
    StillOut,
    Window,
    lost,
    place_of,
    poll,
)
from imagewright.adapters.wire.refusals import blocked, unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.results import read_object, whole
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.adapters.wire.taking import Takings, fetch_all
from imagewright.core.ask import AUTO
from imagewright.core.errors import OutcomeUnknown, Unsupported
from imagewright.core.money import DOLLAR, Nano
from imagewright.core.size import Size
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Input, Made, NotYet, Order, Parts, Watch

_MIB = 1024 * 1024
_LIMIT = _MIB
_DOMAIN = "bfl.ai"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")
_MODERATED = frozenset({"Request Moderated", "Content Moderated"})
_AT_WORK = frozenset({"Pending", "Queued", "Processing"})
_FAILED = frozenset({"Error", "Failed"})
_MOST_CREDITS = 1_000_000
_LATER = 30.0
"""Seconds until a task is asked for again that did not end in its time."""
_LONGEST = 150
"""Characters of an address that is kept; ten of them are kept with an order for ten pictures."""
_SEEDS = range(2**63)
_STEP, _LEAST = 16, 64
"""What edges of FLUX.2 are multiples of, and the shortest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings. Times are in seconds.

    `poll` is the time between two looks at a task, `concurrency` how many tasks are at work at
    once, `total_timeout` bounds an order with all its tasks and attempts. `picture_bytes` bounds
    each picture. Raises ValueError for what cannot be.
    """

    name: str = "bfl"
    base_url: str = "https://api.bfl.ai/v1"
    read_timeout: float = 60.0
    poll: float = 1.0
    concurrency: int = 6

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if not 0.5 <= self.poll <= 60:
            raise ValueError("poll must be from 0.5 to 60 seconds")


def build(config: Config, parts: Parts) -> "BlackForestLabs":
    """The provider as configured; the connection is opened with the first order."""
    return BlackForestLabs(config, parts)


def outward(_options: Mapping[str, object]) -> tuple[str, ...]:
    """Pictures stand where only the answers tell."""
    return ("https://*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A task as it was taken: `url` and `credits_` as the vendor told them."""

    id: str
    url: object = None
    credits_: object = None

    def text(self) -> str:
        """What `_read_task` reads; an address that is too long to keep can do without."""
        url = self.url if isinstance(self.url, str) and len(self.url) <= _LONGEST else None
        return json.dumps([self.id, url, self.credits_ if _cost(self.credits_) else None])


def _read_task(text: str) -> _Task:
    task, url, credits_ = json.loads(text)
    return _Task(id=task, url=url, credits_=credits_)


class BlackForestLabs:
    """`ports.provider.Provider`, `Tracking` and `Health` for one account."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._endpoint = endpoint(config, parts, key_header="x-key", more={})
        self._client = Client(self._endpoint)
        self._guard = Guard(own=self._client.origin, egress=parts.egress)
        self._line = Line(self._client, parts, config.retries)
        self._places = asyncio.Semaphore(config.concurrency)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        if _behind_mask(order):
            raise Unsupported(
                f"The model {order.plan.model} only changes an image behind a mask.",
                hint="Call edit_image with an image and a mask, or choose another model.",
            )
        return await self._make(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        _check_edit(order)
        return await self._make(order, watch)

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._config.total_timeout

        async def fetch(part: Order, told: str) -> Delivery:
            async with self._places:
                return await self._fetch(part, _read_task(told), until)

        await watch.stage("Waiting for the provider")
        return await fetch_all(order, request, fetch)

    async def ping(self) -> None:
        """Ask for the credits that are left, which costs nothing."""
        call = Call(path="credits", method="GET", limit=_LIMIT)
        await self._line.look(call, Judge(self._parts, ""))

    async def close(self) -> None:
        await self._client.close()
        await self._guard.close()

    async def _make(self, order: Order, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._config.total_timeout

        takings = Takings(watch)

        async def make(part: Order, first: int) -> Delivery:
            async with self._places:
                task = await self._send(part, until, watch)
                await takings.note(first, task.text())
                try:
                    return await self._outcome(part, task, until)
                except StillOut:
                    fault = lost(task.id)
                raise fault

        await watch.stage("Waiting for the provider")
        return await repeat(order, watch, make)

    async def _fetch(self, order: Order, task: _Task, until: float) -> Delivery:
        try:
            return await self._outcome(order, task, until)
        except StillOut:
            pass
        raise NotYet(_LATER)

    async def _outcome(self, order: Order, task: _Task, until: float) -> Delivery:
        """What came of a task. Raises StillOut where it did not end in time."""
        try:
            result = await self._result(task, until)
            picture = await self._picture(result.get("sample"))
        except StillOut:
            raise
        except OutcomeUnknown:
            picture, result = None, {}
        if picture is None:
            raise lost(task.id)
        seed = whole(result.get("seed"))
        made = Made(data=picture, seed=seed if seed in _SEEDS else order.plan.ask.seed)
        usage = Usage(pictures=1, cost=_cost(task.credits_))
        return Delivery(pictures=(made,), usage=usage, request=task.id)

    async def _send(self, order: Order, until: float, watch: Watch) -> _Task:
        path = quote(order.plan.upstream, safe="")
        call = Call(path=path, json=_parameters(order), limit=_LIMIT)
        judge = Judge(self._parts, order.plan.model)
        answer = await self._line.ask(call, judge, until, watch)
        found = read_object(answer.body) or {}
        task = found.get("id")
        if not isinstance(task, str) or not _ID.match(task):
            raise unknown()
        return _Task(id=task, url=found.get("polling_url"), credits_=found.get("cost"))

    def _place(self, task: _Task) -> Place:
        own = Place(base_url=self._config.base_url, path="get_result", query={"id": task.id})
        return place_of(task.url, self._endpoint, _DOMAIN) or own

    async def _result(self, task: _Task, until: float) -> Mapping[str, object]:
        """What became of a task. Raises ModerationBlocked or OutcomeUnknown."""
        window = Window(self._endpoint, self._place(task))

        async def look() -> Mapping[str, object] | None:
            found = read_object((await window.look(_LIMIT)).body) or {}
            status = found.get("status")
            if status in _AT_WORK:
                return None
            result = found.get("result")
            if status == "Ready" and isinstance(result, dict):
                return result
            if status in _MODERATED:
                raise blocked()
            if status in _FAILED:
                raise unknown()
            # The next server may know it.
            raise NoWord(denied=status == "Task not found")

        try:
            return await poll(look, Patience(pause=self._config.poll, until=until), self._parts)
        finally:
            await window.close()

    async def _picture(self, url: object) -> bytes | None:
        """The picture, asked for again where it does not come: that costs nothing."""
        if not isinstance(url, str):
            return None
        for _ in range(self._config.retries + 1):
            try:
                return await self._guard.get(url, self._config.picture_bytes) or None
            except WebError:
                await self._parts.sleep(self._config.poll)
        return None


def _behind_mask(order: Order) -> bool:
    return dict(order.plan.options).get("image") == "image"


def _check_edit(order: Order) -> None:
    plan = order.plan
    if not _behind_mask(order):
        if order.mask is not None:
            raise Unsupported(
                f"The model {plan.model} takes no mask.", hint="Say in words what to change."
            )
        return
    if order.mask is None:
        raise Unsupported(f"The model {plan.model} changes what a mask shows.", hint="Give a mask.")
    if plan.size not in {None, plan.ask.references[0].size}:
        raise Unsupported(
            f"The model {plan.model} keeps the size of its image.", hint="Leave the size out."
        )


def _parameters(order: Order) -> dict[str, object]:
    plan, options = order.plan, dict(order.plan.options)
    behind_mask = options.pop("image", None) == "image"
    values: dict[str, object] = {
        **options,
        "prompt": plan.prompt,
        "seed": plan.ask.seed,
        "output_format": plan.output_format.value,
    }
    if behind_mask:
        values |= {"image": _base64(order.references[0]), "mask": _base64(order.mask)}
    else:
        values |= _size(order)
        for number, picture in enumerate(order.references, 1):
            name = "input_image" if number == 1 else f"input_image_{number}"
            values[name] = _base64(picture)
    return {name: value for name, value in values.items() if value is not None}


def _size(order: Order) -> dict[str, object]:
    plan, ask = order.plan, order.plan.ask
    keeps = bool(order.references) and ask.size == AUTO and ask.aspect_ratio is None
    if plan.size_name is not None:
        return {} if keeps else {"aspect_ratio": plan.size_name.partition("/")[0]}
    if plan.size is None:
        return {}
    size = _in_shape(ask.references[0].size, plan.size) if keeps else plan.size
    return {"width": size.width, "height": size.height}


def _in_shape(shape: Size, size: Size) -> Size:
    """A size in another's shape with no more pixels than were priced."""
    scale = sqrt(size.pixels / shape.pixels)
    edges = (int(edge * scale) // _STEP * _STEP for edge in (shape.width, shape.height))
    return Size(*(max(_LEAST, edge) for edge in edges))


def _base64(picture: Input | None) -> str | None:
    return None if picture is None else base64.b64encode(picture.data).decode()


def _cost(credits_: object) -> Nano | None:
    if not isinstance(credits_, int | float) or isinstance(credits_, bool):
        return None
    if not 0 <= credits_ < _MOST_CREDITS:
        return None
    return Nano(int((Decimal(str(credits_)) * DOLLAR / 100).to_integral_value(ROUND_CEILING)))
